import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { variables } from '../src/config-variables.ts'

/**
 * The rules of the house that no compiler holds: who may import whom, where clocks and chance live, how long a file may
 * get, and that the documents speak of what exists.
 */

/** What a stage shows to the others. Everything else in its folder is its own business. */
const FACES = [
  'alerts/alert.ts',
  'broker/broker.ts',
  'broker/publisher.ts',
  'ingest/levels.ts',
  'ingest/transport.ts',
  'ingest/venue.ts',
  'processors/processor.ts',
  'store/store.ts',
  'store/table.ts',
  'store/views.ts',
]

/** The only places where settings meet a stage: everything else is handed values. */
const OPENERS = ['broker/open-broker.ts', 'store/open-store.ts']

const LINES_MAX = 400

/** Tests of several stages together. */
const WHOLE = ['long', 'reliability']

const sources = filesBelow('src', '.ts')
const documents = [...filesBelow('docs', '.md'), ...filesBelow('fixtures', '.md')].concat(
  ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/RESULTS.md'].filter((path) => existsSync(path)),
)

describe('imports point one way', () => {
  test('a file imports its own stage, the models and the faces of other stages; pipeline.ts and commands know everybody', () => {
    expect(sources.flatMap((path) => importsOf(path).flatMap((to) => wrongImport(path, to)))).toEqual([])
  })

  test('the models import nothing of ours', () => {
    const models = sources.filter((path) => path.startsWith('src/models/'))
    expect(models.flatMap((path) => importsOf(path)).filter((to) => !to.startsWith('src/models/'))).toEqual(
      [],
    )
  })

  test('every face exists', () => {
    expect(FACES.filter((face) => !existsSync(join('src', face)))).toEqual([])
  })

  const cases: [string, string, boolean][] = [
    ['src/insights/a.ts', 'src/store/views.ts', true],
    ['src/insights/a.ts', 'src/store/sqlite-store.ts', false],
    ['src/ingest/a.ts', 'src/commands/run.ts', false],
    ['src/ingest/a.ts', 'src/config.ts', false],
    ['src/broker/open-broker.ts', 'src/config.ts', true],
    ['src/commands/a.ts', 'src/store/sqlite-store.ts', true],
    ['src/models/a.ts', 'src/broker/broker.ts', false],
  ]
  test.each(cases)('%s may import %s: %s', (from, to, allowed) => {
    expect(wrongImport(from, to)).toHaveLength(allowed ? 0 : 1)
  })
})

describe('clocks, chance and the environment', () => {
  const rooms: [string, RegExp, (path: string) => boolean][] = [
    ['clocks live in commands', /Date\.now\(|new Date\(\)|performance\.now\(/, inCommands],
    ['chance lives in commands', /Math\.random\(|randomUUID\(|randomBytes\(/, inCommands],
    ['the environment is read by config.ts', /process\.env/, (path) => path === 'src/config.ts'],
    ['the process ends itself in commands', /process\.exit\(/, inCommands],
    ['nobody writes to the console', /console\.(log|error|warn|info)\(/, () => false],
  ]
  test.each(rooms)('%s', (_, pattern, isRoom) => {
    const elsewhere = sources.filter((path) => !isRoom(path) && pattern.test(code(path)))
    expect(elsewhere).toEqual([])
  })
})

test(`no file is longer than ${LINES_MAX} lines`, () => {
  const long = sources.filter((path) => readFileSync(path, 'utf8').split('\n').length - 1 > LINES_MAX)
  expect(long).toEqual([])
})

test('every test stands where the file it tests stands, but for those of the whole', () => {
  const homeless = filesBelow('test', '.test.ts')
    .map((path) => relative('test', dirname(path)))
    .filter((folder) => !WHOLE.includes(folder) && !existsSync(join('src', folder)) && !isOfOps(folder))
  expect(homeless).toEqual([])
})

describe('documents', () => {
  test('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>
    }
    const named = documents.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/npm run (?:--silent )?([a-z][a-z:-]*)/g)].map(
        ([, name]) => name!,
      ),
    )
    expect([...new Set(named)].filter((name) => scripts[name] === undefined)).toEqual([])
  })

  test('link only to files that exist', () => {
    const broken = documents.flatMap((path) =>
      linksOf(path)
        .filter((target) => !existsSync(join(dirname(path), target)))
        .map((target) => `${path} -> ${target}`),
    )
    expect(broken).toEqual([])
  })

  test('speak of every setting, with its default and its sentence', () => {
    const readme = onceSpaced(readFileSync('README.md', 'utf8'))
    const rows = Object.values<{ name: string; default: string | undefined; says: string }>(variables).map(
      ({ name, default: text, says }) =>
        `| \`${name}\` | ${text === undefined ? '' : `\`${text}\``} | ${says} |`,
    )
    expect(rows.filter((row) => !readme.includes(onceSpaced(row)))).toEqual([])
  })
})

/** What is said about an import that breaks the rule: nothing, or one line. */
function wrongImport(from: string, to: string): string[] {
  const [stage, target] = [stageOf(from), stageOf(to)]
  const allowed =
    inCommands(from) ||
    from === 'src/pipeline.ts' ||
    target === stage ||
    target === 'models' ||
    (stage !== 'models' && FACES.includes(relative('src', to))) ||
    (to === 'src/config.ts' && OPENERS.includes(relative('src', from)))
  return allowed ? [] : [`${from} imports ${to}`]
}

/** Cells of a table may be padded. */
function onceSpaced(text: string): string {
  return text.replace(/ +/g, ' ')
}

/** The folder below src, or nothing for the files that stand there themselves. */
function stageOf(path: string): string {
  const parts = relative('src', path).split('/')
  return parts.length === 1 ? '' : parts[0]!
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  const targets = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target]) => target!)
  return targets.map((target) => join(dirname(path), target))
}

function inCommands(path: string): boolean {
  return path.startsWith('src/commands/')
}

/** What starts services on a machine stands beside src, and its tests beside those of src. */
function isOfOps(folder: string): boolean {
  return folder.split('/')[0] === 'ops' && existsSync(folder)
}

/** A file without its comments. */
function code(path: string): string {
  return readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')
}

function linksOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!.split('#')[0]!)
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
}

function filesBelow(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return []
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((path) => path.endsWith(ending))
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile())
    .sort()
}
