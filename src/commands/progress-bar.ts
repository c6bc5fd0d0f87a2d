/** Shows how far long work has come: a bar on a terminal, a line now and then anywhere else. */
export type ProgressBar = {
  /** `done` is a share, 0..1; `text` says it in the work's own words. */
  show(done: number, text: string): void
  /** Leaves the last state standing and the cursor on a line of its own. */
  end(): void
}

const BAR_CHARS = 30
const REDRAW_MS = 100 // more often than the eye follows is wasted on a terminal
const LINE_MS = 5_000

export function progressBar(about: {
  readonly terminal: boolean
  readonly write: (text: string) => void
  readonly monotonicMs: () => number
}): ProgressBar {
  return about.terminal
    ? drawnBar(about.write, about.monotonicMs)
    : writtenLines(about.write, about.monotonicMs)
}

function drawnBar(write: (text: string) => void, monotonicMs: () => number): ProgressBar {
  let shownAtMs = Number.NEGATIVE_INFINITY
  let last = ''
  const draw = () => write(`\r\u001b[K${last}`)
  return {
    show(done, text) {
      const filled = Math.round(clamped(done) * BAR_CHARS)
      last = `${'█'.repeat(filled)}${'░'.repeat(BAR_CHARS - filled)} ${percent(done)}  ${text}`
      if (monotonicMs() - shownAtMs < REDRAW_MS) return
      shownAtMs = monotonicMs()
      draw()
    },
    end() {
      if (last === '') return
      draw()
      write('\n')
      last = ''
    },
  }
}

/** Work that is over before the first line is due says nothing. */
function writtenLines(write: (text: string) => void, monotonicMs: () => number): ProgressBar {
  let writtenAtMs = monotonicMs()
  return {
    show(done, text) {
      if (monotonicMs() - writtenAtMs < LINE_MS) return
      writtenAtMs = monotonicMs()
      write(`${percent(done)}  ${text}\n`)
    },
    end() {},
  }
}

function percent(done: number): string {
  return `${Math.floor(clamped(done) * 100)} %`.padStart(5)
}

function clamped(done: number): number {
  return Math.min(1, Math.max(0, done))
}
