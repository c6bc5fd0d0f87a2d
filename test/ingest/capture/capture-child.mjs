// Captures a thousand frames of a kilobyte, says so, and goes on with a frame now and then until it is ended.
//   node capture-child.mjs <folder>
import { writeSync } from 'node:fs'
import { openCaptureFile } from '../../../dist/src/ingest/capture/capture-file.js'

const file = openCaptureFile({
  folder: process.argv[2],
  name: 'child',
  about: 'numbers',
  fileBytesMax: 64 * 1024 * 1024,
  filesMax: 2,
  timers: {
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    after: (ms, call) => {
      const timer = setTimeout(call, ms)
      return () => clearTimeout(timer)
    },
  },
  onFailure: (error) => writeSync(1, `failed ${error.message}\n`),
})
let number = 0
const next = () => file.write({ does: 'frame', socket: 1, text: `${++number} `.padEnd(1_000, 'x') })
while (number < 1_000) next()
writeSync(1, 'a thousand\n')
setInterval(next, 1)
setTimeout(() => process.exit(1), 30_000)
