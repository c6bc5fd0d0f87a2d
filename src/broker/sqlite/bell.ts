import { closeSync, type FSWatcher, openSync, watch, writeSync } from 'node:fs'

/** The net under the watch: a missed event costs at most this long. */
const POLL_MS = 250
/** Where files cannot be watched (no inotify left, some network disks), looking often is what remains. */
const POLL_UNWATCHED_MS = 10

/** Tells those who wait, in this process and in others, that something was appended. */
export type Bell = {
  /** After the commit, so that whoever hears it finds the records. */
  ring(): void
  /** Calls `heard` after every ring, several rings in one; answers how to stop. It may also be called for nothing. */
  listen(heard: () => void): () => void
  close(): void
}

/**
 * A bell is a file of one byte: every ring writes that byte again, every process that listens watches the file. (The log's
 * own -wal cannot serve: it is written before the commit can be seen.) `path` undefined: within this process only.
 * `changed` says whether other processes have appended since it was last asked, and is what polls ask.
 */
export function openBell(path: string | undefined, changed: () => boolean): Bell {
  const file = path === undefined ? undefined : openSync(path, 'w')
  const listeners = new Set<() => void>()
  let watcher: FSWatcher | undefined
  let timer: NodeJS.Timeout | undefined

  function wake(): void {
    for (const heard of listeners) heard()
  }

  function wakeIfChanged(): void {
    if (changed()) wake()
  }

  function poll(everyMs: number): void {
    clearInterval(timer)
    timer = setInterval(wakeIfChanged, everyMs)
  }

  function watchFile(): void {
    if (path === undefined) return
    poll(POLL_MS)
    try {
      watcher = watch(path, (event) => (event === 'rename' ? goUnwatched() : wakeIfChanged()))
      watcher.on('error', goUnwatched)
    } catch {
      goUnwatched()
    }
  }

  function goUnwatched(): void {
    watcher?.close()
    watcher = undefined
    if (listeners.size > 0) poll(POLL_UNWATCHED_MS)
  }

  function stopWatching(): void {
    watcher?.close()
    watcher = undefined
    clearInterval(timer)
  }

  return {
    ring() {
      wake()
      if (file === undefined) return
      try {
        writeSync(file, '.', 0)
      } catch {
        // A full or failing disk takes the bell along; the others find the records by their polls.
      }
    },
    listen(heard) {
      listeners.add(heard)
      if (listeners.size === 1) watchFile()
      return () => {
        if (listeners.delete(heard) && listeners.size === 0) stopWatching()
      }
    },
    close() {
      listeners.clear()
      stopWatching()
      if (file !== undefined) closeSync(file)
    },
  }
}
