import { execFileSync } from 'node:child_process'

/** Tests that start real processes run what users run: the compiled commands. */
export default function buildOnce(): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json'], {
    stdio: 'inherit',
  })
}
