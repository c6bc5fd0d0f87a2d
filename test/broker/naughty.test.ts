import { expect, test } from 'vitest'
import { NAUGHTY_LISTS, wellFormed } from '../alerts/naughty.ts'
import { openLog, readAll, record, temporaryDir } from './logs.ts'

test.each(NAUGHTY_LISTS)(
  'run, key, headers and value of a record come back to the byte, whatever they say: %s',
  async (_, all) => {
    const texts = all.map(wellFormed)
    const log = await openLog(temporaryDir())
    const sent = texts.map((text, i) =>
      record(1, { run: `${i}${text}`, key: text, value: text, headers: Object.fromEntries([[text, text]]) }),
    )
    await log.publish(sent)
    const back = await readAll(log)
    const fields = ({ run, key, value, headers }: (typeof sent | typeof back)[number]) => ({
      run,
      key,
      value,
      headers: Object.entries(headers ?? {}),
    })
    expect(back.map(fields)).toEqual(sent.map(fields))
  },
)
