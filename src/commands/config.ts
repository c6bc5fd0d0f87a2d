import { effectiveSettings, exampleEnv, readEnvironment } from '../config.ts'
import { aligned } from '../config-text.ts'
import type { Context } from './context.ts'

/** Prints the settings in force, or the sample file. */
export async function config(context: Context, options: { example?: boolean }): Promise<number> {
  context.out(options.example === true ? exampleEnv() : effectiveText())
  return 0
}

function effectiveText(): string {
  const rows = effectiveSettings(readEnvironment()).map(({ name, text, isDefault }) => [
    name,
    text === '' ? '-' : text,
    isDefault ? 'default' : 'set',
  ])
  return `${aligned(rows).join('\n')}\n`
}
