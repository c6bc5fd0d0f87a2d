import { test } from 'vitest'
import { fuzzReaders } from './fuzz-corpus.ts'
import { fuzz, type Read } from './fuzz-run.ts'
test('try', async () => {
  const readers = await fuzzReaders()
  const t = performance.now()
  const ms = new Map<string, number[]>()
  const slow: Read[] = []
  let rejectedFree = 0
  const faults = fuzz(readers, Number(process.env['N'] ?? 20000), (r) => {
    const k = r.reader.name
    if (!ms.has(k)) ms.set(k, [])
    ms.get(k)!.push(r.ms)
    if (r.ms > 20) slow.push(r)
  })
  console.log(performance.now() - t, rejectedFree)
  for (const [k, v] of ms) { v.sort((a,b)=>a-b); console.log(k, v.length, v[v.length>>1]!.toFixed(3), v[Math.floor(v.length*.99)]!.toFixed(3), v.at(-1)!.toFixed(1)) }
  slow.sort((a,b)=>b.ms-a.ms)
  for (const s of slow.slice(0,25)) console.log(s.ms.toFixed(0), s.reader.name, s.bytes.length, s.by.join(', '), Buffer.from(s.bytes.subarray(0,150)).toString('latin1'))
  for (const f of faults) console.log(f, '\n')
}, 1200000)
