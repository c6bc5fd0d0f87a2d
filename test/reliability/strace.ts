import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Faults at chosen system calls. */
export const STRACE = spawnSync('strace', ['-V']).status === 0
if (!STRACE) process.stderr.write('strace is not installed: faults at chosen system calls are not tested\n')

export const WRITES_AND_SYNCS = 'pwrite64,fdatasync,fsync'

/** A command line that does `inject` (`pwrite64:error=ENOSPC:when=120+`) to the command after it. */
export function injecting(dir: string, inject: string): string[] {
  // Not with --seccomp-bpf: strace 6.1 then injects errors but no signals.
  const out = ['-o', join(dir, 'strace.txt')]
  return ['strace', '-f', '-qq', ...out, '-e', `trace=${WRITES_AND_SYNCS}`, '-e', `inject=${inject}`]
}

/** How many writes and syncs the command behind `injecting` has made. */
export function tracedCalls(dir: string): number {
  const lines = readFileSync(join(dir, 'strace.txt'), 'utf8').split('\n')
  return lines.filter((line) => /\b(pwrite64|fdatasync|fsync)\(/.test(line)).length
}
