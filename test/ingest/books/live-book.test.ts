import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type BookRigAbout,
  bookRig,
  deltaOf,
  playBook,
  RULES,
  snapshotOf,
  toldChecksum,
} from '../book-rig.ts'

const BOOK = 'b100=1 b99=1 a101=1 a102=1'
const IN_STEP = `live | answer 10 ${BOOK}`
const ON_STREAM = `live | snap 10 ${BOOK}`

describe('a book whose snapshot is asked for', () => {
  test('is asked for once the venue has said yes, and is in step when it comes', async () => {
    expect(await playBook(`live | answer 10 ${BOOK} | 11 b100.5=1`)).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '2 book 100.5/101',
    ])
  })

  test('is asked for at the first change, should that come before the yes', async () => {
    expect(await playBook(`11 b100.5=1 | live | answer 10 ${BOOK}`)).toEqual([
      '0 asks',
      '2 book 100.5/101, good from 2',
    ])
  })

  test('takes the changes that came meanwhile from where the snapshot ends', async () => {
    expect(
      await playBook(`live | 9 b103=1 | 10 b103=0 | 11-12 b100.5=1 | answer 11 ${BOOK} | 13 a100.8=1`),
    ).toEqual(['0 asks', '4 book 100.5/101, good from 4', '5 book 100.5/100.8'])
  })

  test('has no use for a snapshot from before the first change that waits: another is asked for, after a pause', async () => {
    expect(await playBook(`live | 12 b100.5=1 | answer 10 ${BOOK} | answer 11 ${BOOK}`)).toEqual([
      '0 asks',
      '2.15 asks',
      '3 book 100.5/101, good from 3',
    ])
  })

  test('begins the waiting anew where a change is missing among those that wait', async () => {
    expect(
      await playBook(`live | 11 b100.5=1 | 14 b100.6=1 | answer 12 ${BOOK} | answer 13 ${BOOK}`),
    ).toEqual(['0 asks', '2.15 asks', '3.25 asks', '4 book 100.6/101, good from 4'])
  })

  test('is asked for again where no answer comes, ever more rarely', async () => {
    expect(
      await playBook(
        `live | missing | missing | missing | missing | 6: missing | 12: missing | 20: answer 10 ${BOOK}`,
      ),
    ).toEqual([
      '0 asks',
      '1.15 asks',
      '2.25 asks',
      '3.5 asks',
      '5 asks',
      '8 asks',
      '14 asks',
      '20 book 100/101, good from 20',
    ])
  })

  test('is asked for at once again after it has stood for a while, then as rarely as ever', async () => {
    const script = `live | missing | missing | answer 10 ${BOOK}`
    expect(await playBook(`${script} | 10: 15 b1=1 | 20: .`)).toEqual([
      '0 asks',
      '1.15 asks',
      '2.25 asks',
      '3 book 100/101, good from 3',
      '10 lost from 3: sequence-gap',
      '10.5 asks',
    ])
    expect((await playBook(`${script} | 40: 15 b1=1 | missing | missing | 45: .`)).slice(4)).toEqual([
      '40 lost from 3: sequence-gap, asks',
      '41.15 asks',
      '42.25 asks',
    ])
  })

  test('what is old changes nothing, twice or not', async () => {
    expect(await playBook(`${IN_STEP} | 11-12 b100.5=1 | 11-12 b100.5=1 | 9 b103=1 | 13 b100.5=0`)).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '2 book 100.5/101',
      '5 book 100/101',
    ])
  })

  test('out of step from the first change that does not follow until it is back', async () => {
    expect(
      await playBook(`${IN_STEP} | 11 b100.5=1 | 13 b100.6=1 | 14 b100.7=1 | answer 13 ${BOOK}`),
    ).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '2 book 100.5/101',
      '3 lost from 2: sequence-gap',
      '3.15 asks',
      '5 book 100.7/101, good from 5',
    ])
  })

  test('a change that comes in place of the first after the snapshot is a gap', async () => {
    expect((await playBook(`${IN_STEP} | 13 b100.6=1`)).at(-1)).toBe('2 lost from 1: sequence-gap')
  })

  test('an answer to what is not asked any more counts for nothing', async () => {
    const rig = bookRig()
    rig.happen('live')
    rig.happen('cut 0')
    rig.happen(`answer 10 ${BOOK}`)
    rig.happen('missing')
    expect(rig.words).toEqual(['asks'])
    expect(rig.counts).toMatchObject({ old: 1, outOfStep: 0 })
  })

  test('of what comes before the request leaves only the latest is kept: an older answer shows by that', async () => {
    const waiting = 'live | 11 b100.1=1 | 12 b100.2=1 | 13 b100.3=1 | sent | 14 b100.4=1'
    expect(await playBook(`${waiting} | answer 12 ${BOOK}`, { isQueued: true })).toEqual([
      '0 asks',
      '6 book 100.4/101, good from 6',
    ])
    expect(
      await playBook(`${waiting} | answer 11 ${BOOK} | sent | answer 12 ${BOOK}`, { isQueued: true }),
    ).toEqual(['0 asks', '6.15 asks', '8 book 100.4/101, good from 8'])
  })

  test('an answer that is older than what a check has failed on is of no use', async () => {
    expect(await playBook(`${IN_STEP} | 11 b102=1 | 4: answer 10 ${BOOK} | 6: answer 11 ${BOOK}`)).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '2 lost from 1: check-failed',
      '2.15 asks',
      '4.25 asks',
      '6 book 100/101, good from 6',
    ])
  })

  test('where no answer ever fits, it is what it should fit to that is given up', async () => {
    const rig = bookRig()
    rig.happen('live')
    rig.happen('999999 b100=1')
    for (let i = 0; i < 12 && !rig.book.isInStep; i++) {
      await rig.timers.advanceBy(5_000)
      rig.happen(`answer ${20 + i} ${BOOK}`)
    }
    expect(rig.book.isInStep).toBe(true)
    expect(rig.words.filter((word) => word === 'asks')).toHaveLength(10)
  })

  test('a venue that numbers anew without a word is found out', async () => {
    const rig = bookRig()
    rig.happen('live')
    rig.happen(`answer 100000 ${BOOK}`)
    for (let i = 1; i <= 501; i++) rig.happen(`${i} b100=${i}`)
    expect(rig.words.slice(3)).toEqual(['lost from 0: sequence-gap'])
    await rig.timers.advanceBy(1_000)
    rig.happen(`502 b100=2`)
    rig.happen(`answer 502 ${BOOK}`)
    expect(rig.words.slice(4)).toEqual(['asks', 'book 100/101', 'good from 1'])
  })
})

describe('a book whose snapshot comes by itself', () => {
  const about = { rules: RULES.byLink }

  test('is in step with it, and nobody has to ask', async () => {
    expect(await playBook(`live | 9 b1=1 | snap 10 ${BOOK} | 11 b100.5=1`, about)).toEqual([
      '2 book 100/101, good from 2',
      '3 book 100.5/101',
    ])
  })

  test('is subscribed to anew where the snapshot does not come in ten seconds', async () => {
    expect(await playBook(`live | 12: . | 22: . | 25: snap 10 ${BOOK}`, about)).toEqual([
      '10 resubscribes',
      '20.15 resubscribes',
      '25 book 100/101, good from 25',
    ])
  })

  test('is subscribed to anew after a gap', async () => {
    expect(
      await playBook(`${ON_STREAM} | 12 b100.5=1 | 13 b1=1 | snap 20 ${BOOK} | 21 b100.5=1`, about),
    ).toEqual([
      '1 book 100/101, good from 1',
      '2 lost from 1: sequence-gap, resubscribes',
      '4 book 100/101, good from 4',
      '5 book 100.5/101',
    ])
  })

  test('goes on with a snapshot of the same number, and has missed something with one of another', async () => {
    expect(await playBook(`${ON_STREAM} | snap 10 ${BOOK} | snap 12 b100.5=1 a101=1`, about)).toEqual([
      '1 book 100/101, good from 1',
      '2 book 100/101',
      '3 lost from 2: sequence-gap, book 100.5/101, good from 3',
    ])
  })
})

describe('a book whose snapshot comes by itself and can be asked for', () => {
  const about = { rules: RULES.byLinkBoth }

  test('what does not come on the stream is asked for, and what is not answered is had from the stream', async () => {
    expect(await playBook(`live | 11: missing | 30: answer 10 ${BOOK}`, about)).toEqual([
      '10 asks',
      '11.15 resubscribes',
      '21.4 asks',
      '30 book 100/101, good from 30',
    ])
  })

  test('the stream goes first after a gap, once it has stood for a while', async () => {
    expect((await playBook(`${ON_STREAM} | 40: 15 b1=1 | 51: .`, about)).slice(1)).toEqual([
      '40 lost from 1: sequence-gap, resubscribes',
      '50.15 asks',
    ])
  })

  test('whichever comes first is taken, and the other one counts for nothing', async () => {
    const rig = bookRig(about)
    rig.happen('live')
    await rig.timers.advanceBy(10_000)
    rig.happen(`snap 10 ${BOOK}`)
    rig.happen(`answer 9 ${BOOK}`)
    expect(rig.words).toEqual(['asks', 'book 100/101', 'good from 10'])
    expect(rig.counts).toEqual({ published: 1, conflated: 0, old: 1, outOfStep: 0 })
  })
})

describe('a book without numbers', () => {
  const about = { rules: RULES.bare }

  test('takes every change, and every snapshot for the whole book', async () => {
    expect(await playBook(`live | snap - ${BOOK} | - b100.5=1 | snap - b99=1 a101=1`, about)).toEqual([
      '1 book 100/101, good from 1',
      '2 book 100.5/101',
      '3 book 99/101',
    ])
  })

  test('is out of step as soon as it has been silent for too long', async () => {
    expect(await playBook(`live | snap - ${BOOK} | idle | snap - ${BOOK}`, about)).toEqual([
      '1 book 100/101, good from 1',
      '2 lost from 1: stale, resubscribes',
      '3 book 100/101, good from 3',
    ])
  })

  test('may have been wrong since before it was found out: what waits is not published then', async () => {
    const script = `live | snap - ${BOOK} | take | 3: - b100.5=1 | take | 5: - b100.6=1 | failed lost-trades`
    expect((await playBook(`${script} 4.5`, { ...about, isEager: false })).slice(2)).toEqual([
      '4 book 100.5/101',
      '6 lost from 3: lost-trades, resubscribes',
    ])
    expect((await playBook(`${script} 2`, { ...about, isEager: false })).at(-1)).toBe(
      '6 lost from 2: lost-trades, resubscribes',
    )
    expect((await playBook(`${script} -99`, { ...about, isEager: false })).at(-1)).toBe(
      '6 lost from 1: lost-trades, resubscribes',
    )
  })
})

describe('a connection that is cut', () => {
  test('takes the book with it, from the last frame there was', async () => {
    expect(
      await playBook(`${IN_STEP} | 11 b100.5=1 | 9: cut 7 | live | answer 5 ${BOOK} | 6 b100.1=1`),
    ).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '2 book 100.5/101',
      '9 lost from 7: disconnected',
      '10.15 asks',
      '11 book 100/101, good from 11',
      '12 book 100.1/101',
    ])
  })

  test('what waits to be published goes before it', async () => {
    expect((await playBook(`${IN_STEP} | 11 b100.5=1 | cut 2`, { isEager: false })).slice(1)).toEqual([
      '1 good from 1',
      '2 book 100/101',
      '3 book 100.5/101, lost from 2: disconnected',
    ])
  })

  test('is nothing to a book that is not in step', async () => {
    expect(await playBook(`live | 11 b1=1 | cut 1 | cut 2 | 20: .`)).toEqual(['0 asks'])
  })
})

describe('checks', () => {
  test('a change that crosses the book is never published, and the hole begins with what was published last', async () => {
    expect(await playBook(`${IN_STEP} | 11 b101=1 | 13: answer 20 ${BOOK}`)).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '2 lost from 1: check-failed',
      '2.15 asks',
      '13 book 100/101, good from 13',
    ])
  })

  test('what waits when a change crosses the book is lost with it', async () => {
    expect(
      (await playBook(`${IN_STEP} | take | 3.2: 11 b100.5=1 | 3.4: 12 b105=1`, { isEager: false })).slice(1),
    ).toEqual(['1 good from 1', '2 book 100/101', '3.4 lost from 1: check-failed'])
  })

  test('a book that was never published is lost from when it was in step', async () => {
    expect((await playBook(`${IN_STEP} | 1.5: 11 b105=1`, { isEager: false })).slice(1)).toEqual([
      '1 good from 1',
      '1.5 lost from 1: check-failed',
    ])
  })

  test('a crossed snapshot is no book', async () => {
    expect(await playBook(`live | answer 10 b102=1 a101=1 | answer 11 ${BOOK}`)).toEqual([
      '0 asks',
      '1 lost from 1: check-failed',
      '1.15 asks',
      '2 book 100/101, good from 2',
    ])
  })

  test('what the venue wants us to drop is dropped', async () => {
    expect((await playBook(`${IN_STEP} | failed sequence-gap`)).slice(2)).toEqual([
      '2 lost from 1: sequence-gap',
    ])
  })

  test('a checksum is told of the snapshot and of every change that is applied, in order', async () => {
    const { open, told } = toldChecksum(() => true)
    const rig = bookRig({ rules: { ...RULES.byLinkBoth, openChecksum: open } })
    const checked = (text: string) => {
      const { event, levels } = deltaOf(text.split(' '))
      rig.book.change({ ...event, checksum: 1 }, levels, 0)
    }
    rig.happen('live')
    await rig.timers.advanceBy(10_000)
    checked('9 b1=1')
    checked('10 b1=1')
    checked('11 b1=1')
    const { event, levels } = snapshotOf(['9', ...BOOK.split(' ')])
    rig.book.snapshot({ ...event, checksum: 1 }, levels, 0, rig.asked)
    checked('12 b1=1')
    expect(told).toEqual([9, 10, 11, 12])
    expect(rig.book.isInStep).toBe(true)
  })

  test('a change that waited for the snapshot is checked as any other', () => {
    const checked: number[] = []
    const { open, told } = toldChecksum(() => checked.push(1) !== 2)
    const rig = bookRig({ rules: { ...RULES.byRange, openChecksum: open } })
    rig.happen('live')
    rig.happen('11 b100.5=1')
    rig.happen('12 b100.6=1')
    const { event, levels } = snapshotOf(['10', ...BOOK.split(' ')])
    rig.book.snapshot({ ...event, checksum: 1 }, levels, 0, rig.asked)
    expect(told).toEqual([10, 11, 12])
    expect(rig.words).toEqual(['asks', 'lost from 0: check-failed'])
  })

  test('a wrong checksum is a book out of step', () => {
    let holds = true
    const rig = bookRig({ rules: { ...RULES.byLink, openChecksum: toldChecksum(() => holds).open } })
    const { event, levels } = snapshotOf(['10', ...BOOK.split(' ')])
    rig.book.snapshot({ ...event, checksum: 1 }, levels, 0)
    rig.happen('11 b100.5=1')
    holds = false
    rig.happen('12 b100.6=1')
    expect(rig.words.slice(2)).toEqual(['book 100.5/101', 'lost from 0: check-failed', 'resubscribes'])
  })
})

describe('a book of which we never know all', () => {
  const DEEP = 'part 10 b100=1 b99=1 b98=1 b97=1 b96=1 b95=1 a101=1 a102=1 a103=1 a104=1 a105=1 a106=1'
  const about = { levelsMax: 2 }

  test('is asked for anew before its top comes near the end of what we know', async () => {
    const script = `live | answer ${DEEP} | 11 b100=0 b99=0 | 12 b98=0 | 13 b97=0`
    expect(
      await playBook(`${script} | answer part 13 b96=1 b95=1 b94=1 b93=1 a101=1 a102=1 a103=1 a104=1`, about),
    ).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '2 book 98/101',
      '3 book 97/101',
      '4 book 96/101',
      '4.15 asks',
      '5 book 96/101',
    ])
  })

  test('a snapshot that brings no more than there is makes nobody ask again', async () => {
    expect(
      await playBook(`live | answer part 10 b100=1 a101=1 | 60: 11 b100=2 | 120: 12 b100=3`, about),
    ).toEqual(['0 asks', '1 book 100/101, good from 1', '60 book 100/101', '120 book 100/101'])
  })

  test('never shows levels beyond what we know, and is out of step when nothing of that is left', async () => {
    const rig = bookRig({ levelsMax: 3, isEager: false })
    rig.happen('live')
    rig.happen('answer part 10 b100=1 b99=1 a101=1 a102=1')
    rig.happen('11 b90=1 a110=1')
    expect(rig.book.take()).toMatchObject({
      bids: '[["100","1",null],["99","1",null]]',
      asks: '[["101","1",null],["102","1",null]]',
    })
    rig.happen('12 b100=0 b99=0')
    expect(rig.words.at(-1)).toBe('lost from 0: beyond-range')
  })

  test('an answer that is ahead of the stream waits for it, and nothing is lost', async () => {
    const script = `live | answer ${DEEP} | 11 b100=0 b99=0 b98=0 b97=0 | 4: answer part 13 b96=3 b95=1 a101=1`
    expect((await playBook(`${script} | 5: 12 b96=2 | 5.5: 13 b96=3 | 14 b97.5=1`, about)).slice(2)).toEqual([
      '2 book 96/101',
      '2.15 asks',
      '5 book 96/101',
      '5.5 book 96/101, book 96/101',
      '6.5 book 97.5/101',
    ])
  })

  test('an answer that is ahead of a stream that never comes is a loss', async () => {
    const script = `live | answer ${DEEP} | 11 b100=0 b99=0 b98=0 b97=0 | 4: answer part 13 b97=1 b96=1 a101=1`
    expect((await playBook(`${script} | 12 b97=2 | 10: .`, about)).slice(4)).toEqual([
      '5 book 97/101',
      '6 lost from 5: sequence-gap, book 97/101, good from 6',
    ])
  })

  test('what was kept for an answer that never came is not mixed with what is kept for the next', async () => {
    const asked = `live | sent | answer ${DEEP} | 11 b100=0 b99=0 b98=0 b97=0 | 3.5: sent`
    const script = `${asked} | 12 b96=2 | missing | 13 b96=3 | sent | 14 b96.5=1 | answer part 11 b96=1 a101=1 | 12: .`
    expect((await playBook(script, { ...about, isQueued: true })).slice(-3)).toEqual([
      '6.5 book 96/101',
      '8.5 book 96.5/101',
      '10 asks',
    ])
  })

  test('an answer that is older than the book is of no use to it', async () => {
    const script = `live | answer ${DEEP} | 11 b100=0 b99=0 b98=0 b97=0 | 4: answer part 10 b100=1 a101=1`
    expect(
      (await playBook(`${script} | 5: answer part 11 b97=1 b96=1 a101=1 | 12 b97.5=1`, about)).slice(2),
    ).toEqual(['2 book 96/101', '2.15 asks', '4.25 asks', '5 book 97/101', '6 book 97.5/101'])
  })
})

describe('a whole book one side of which is empty', () => {
  test('is right, and shows nothing until somebody quotes again', async () => {
    expect(
      await playBook(`live | snap 10 b100=1 | 11 b100.5=1 | 12 a101=1 | 13 a101=0 | 14 a102=1`, {
        rules: RULES.byLink,
      }),
    ).toEqual(['1 good from 1', '3 book 100.5/101', '5 book 100.5/102'])
  })

  test('what waits is published before the last level of a side may go', async () => {
    const about = { rules: RULES.byLink, isEager: false }
    const script = 'live | snap 10 b100=1 a101=1 | 1.5: 11 a101=0 | 1.6: take | 1.7: 12 a102=1 | 1.8: take'
    expect(await playBook(script, about)).toEqual(['1 good from 1', '1.5 book 100/101', '1.8 book 100/102'])
  })
})

describe('silence', () => {
  test('where numbers can tell, they are asked: the same number is no loss', async () => {
    expect(
      await playBook(`${IN_STEP} | 300: idle | answer 10 ${BOOK} | 600: idle | answer 10 ${BOOK}`),
    ).toEqual([
      '0 asks',
      '1 book 100/101, good from 1',
      '300 asks',
      '301 book 100/101',
      '600 asks',
      '601 book 100/101',
    ])
  })

  test('a higher number is a loss, if the stream does not bring it', async () => {
    expect((await playBook(`${IN_STEP} | 300: idle | answer 12 ${BOOK} | 304: .`)).slice(2)).toEqual([
      '300 asks',
      '303 lost from 1: stale, book 100/101, good from 303',
    ])
    const moved = 'answer 12 b100.5=1 b100=1 a101=1'
    expect((await playBook(`${IN_STEP} | 300: idle | ${moved} | 11-12 b100.5=1 | 310: .`)).slice(2)).toEqual([
      '300 asks',
      '302 book 100.5/101, book 100.5/101',
    ])
  })

  test('a second silence says enough', async () => {
    expect((await playBook(`${IN_STEP} | 300: idle | 600: idle`)).slice(2)).toEqual([
      '300 asks',
      '600 lost from 1: stale',
    ])
  })

  test('where the snapshot comes on the stream, its number tells the same', async () => {
    expect(
      await playBook(`${ON_STREAM} | 300: idle | snap 10 ${BOOK} | 600: idle | snap 11 ${BOOK}`, {
        rules: RULES.byLink,
      }),
    ).toEqual([
      '1 book 100/101, good from 1',
      '300 resubscribes',
      '301 book 100/101',
      '600 resubscribes',
      '601 lost from 301: stale, book 100/101, good from 601',
    ])
  })
})

describe('what is published', () => {
  test('stands for the changes of one second at most', async () => {
    const about = { isEager: false }
    expect(
      await playBook(`${IN_STEP} | 1.2: 11 b100.5=1 | 1.4: 12 b100.2=1 | 2: 13 b100.5=0 | 2.5: take`, about),
    ).toEqual(['0 asks', '1 good from 1', '2 book 100.5/101 of 3', '2.5 book 100.2/101'])
  })

  test('nothing is asked for once it is closed, and what waits can still be taken', async () => {
    const rig = bookRig({ isEager: false })
    rig.happen('live')
    rig.happen(`answer 10 ${BOOK}`)
    rig.happen('close')
    rig.happen('15 b1=1')
    await rig.timers.advanceBy(60_000)
    expect(rig.words).toEqual(['asks', 'good from 0', 'book 100/101', 'lost from 0: sequence-gap'])
    expect(rig.timers.waiting).toBe(0)
  })
})

describe('whatever happens', () => {
  const kinds: [string, BookRigAbout][] = [
    ['numbers in ranges', { rules: RULES.byRange, levelsMax: 2 }],
    ['numbers that are linked', { rules: RULES.byLink, levelsMax: 2 }],
    ['both ways to a snapshot', { rules: RULES.byLinkBoth, levelsMax: 2 }],
    ['no numbers', { rules: RULES.bare, levelsMax: 2 }],
  ]
  const row = fc
    .tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 95, max: 106 }), fc.nat(2))
    .map(([side, price, size]) => `${side}${price}=${size}`)
  const rows = fc.array(row, { minLength: 1, maxLength: 4 }).map((all) => all.join(' '))
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.integer({ min: -3, max: 3 }), rows) },
    fc.tuple(fc.constantFrom('snap', 'answer', 'answer part', 'snap part'), fc.integer({ min: -3, max: 3 })),
    fc.constantFrom(
      'live',
      'idle',
      'missing',
      'cut 1',
      'failed check-failed',
      'failed lost-trades 1',
      'take',
      'time',
      'sent',
    ),
  )

  test.each(kinds)('with %s every event is counted once, and words come in turn', async (_, about) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.boolean(),
        fc.boolean(),
        async (steps, isEager, isQueued) => {
          const rig = bookRig({ ...about, isEager, isQueued })
          let number = 10
          let events = 0
          for (const one of steps) {
            const text = textOf(one, (jump) => {
              number = Math.max(1, number + (jump > 0 ? 1 : jump))
              return number + (jump > 1 ? jump - 1 : 0)
            })
            if (text === 'time') await rig.timers.advanceBy(3_000)
            else if (text !== 'missing' || rig.words.includes('asks')) {
              if (/^(snap|\d)/.test(text)) events++
              if (text.startsWith('answer') && !rig.words.includes('asks')) continue
              if (text.startsWith('answer')) events++
              rig.happen(text)
            }
          }
          rig.happen('cut 99')
          const { published, conflated, old, outOfStep } = rig.counts
          expect(published + conflated + old + outOfStep).toBe(events)
          expect(published).toBe(rig.words.filter((word) => word.startsWith('book')).length)
          expectTurns(rig.words)
        },
      ),
    )
  })
})

function textOf(
  step: string | readonly [string | number, number | string],
  next: (jump: number) => number,
): string {
  if (typeof step === 'string') return step
  const [first, second] = step
  if (typeof first === 'number') return `${next(first)} ${second}`
  return `${first} ${Math.max(1, next(Number(second)))} ${BOOK}`
}

/** Books only between good and lost, but for the one that says it is good. */
function expectTurns(words: readonly string[]): void {
  let isGood = false
  let isNext = false
  for (const word of words) {
    if (word.startsWith('good')) isGood = true
    if (word.startsWith('lost')) {
      expect(isNext && !isGood).toBe(false)
      isGood = false
    }
    if (word.startsWith('book')) {
      if (!isGood) isNext = true
    } else isNext = false
    if (word.startsWith('book 1')) {
      const [bid, ask] = word.split(' ')[1]!.split('/').map(Number) as [number, number]
      expect(bid).toBeLessThan(ask)
    }
  }
}
