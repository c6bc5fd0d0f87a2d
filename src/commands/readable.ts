import { SECOND_MS } from '../models/time.ts'

/** How commands write bytes and ages for people. */

/** `512.0 kB`, `9.8 MB`, `21.0 GB`. */
export function size(bytes: number): string {
  const [unit, length] =
    bytes >= 1e9 ? (['GB', 1e9] as const) : bytes >= 1e6 ? (['MB', 1e6] as const) : (['kB', 1e3] as const)
  return `${(bytes / length).toFixed(1)} ${unit}`
}

/** `0.4 s ago`, `12 min ago`; a venue's clock may be a little ahead of ours. */
export function ago(ms: number | null): string {
  if (ms === null) return 'never'
  if (ms < 120_000) return `${(Math.max(ms, 0) / SECOND_MS).toFixed(1)} s ago`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min ago` : `${Math.round(ms / 3_600_000)} h ago`
}
