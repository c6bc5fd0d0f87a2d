// Takes the lock at a path and keeps it until it is killed.
//   node lock-child.mjs <path>
import { takeLock } from '../../dist/src/broker/os-lock.js'

const taken = takeLock(process.argv[2], { does: 'process', startedAtMs: 1_700_000_000_000 })
process.stdout.write('heldBy' in taken ? 'held\n' : 'taken\n')
setInterval(() => {}, 60_000)
