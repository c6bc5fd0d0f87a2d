import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Tests that start real processes run what users run: the compiled commands. Type errors are `npm run typecheck`'s to tell. */
export default function buildOnce(): void {
  const compiler = 'node_modules/typescript/bin/tsc'
  const { stdout } = spawnSync(process.execPath, [compiler, '-b', 'tsconfig.build.json'], {
    encoding: 'utf8',
  })
  if (!existsSync('dist/src/commands/tidebook.js')) throw new Error(`the build made nothing:\n${stdout}`)
}
