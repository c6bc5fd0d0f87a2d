import type { Database as Connection } from 'better-sqlite3'
import { EngineError } from '../../models/engine-error.ts'
import { type TopicInfo, type TopicPartition, type TopicSettings, tpName } from '../broker.ts'
import { Dictionary } from './dictionary.ts'
import { recordsTable } from './log-file.ts'
import { type Dictionaries, Partition } from './partition.ts'

type TopicRow = TopicSettings & { readonly logId: string }

/** Which topics the log has. What other processes have created meanwhile is found when it is asked for. */
export type Catalog = Dictionaries & {
  /**
   * Creates what is missing and sets retention; writes nothing where all is as it should be. Answers, a line each, which
   * topics have other partitions than asked for: those they keep.
   */
  ensure(settings: readonly TopicSettings[]): string[]
  /** The partitions of a topic; throws where there is no such topic. */
  partitionsOf(topic: string): readonly Partition[]
  /** Throws where there is no such partition. */
  partition(tp: TopicPartition): Partition
  topics(): TopicRow[]
  infos(): TopicInfo[]
}

export function openCatalog(db: Connection, random: () => number): Catalog {
  const dictionaries = { keys: new Dictionary(db, 'keys'), runs: new Dictionary(db, 'runs') }
  const selectTopics = db.prepare<[], TopicRow>(
    `SELECT topic, log_id AS logId, partitions, retention_ms AS retentionMs, retention_bytes AS retentionBytes
     FROM topics ORDER BY topic`,
  )
  const insertTopic = db.prepare<[string, string, number, number, number]>(
    'INSERT INTO topics VALUES (?, ?, ?, ?, ?)',
  )
  const updateTopic = db.prepare<[number, number, string]>(
    'UPDATE topics SET retention_ms = ?, retention_bytes = ? WHERE topic = ?',
  )
  const insertPartition = db.prepare<[string, number]>('INSERT INTO partitions VALUES (NULL, ?, ?, 0)')
  const selectIds = db
    .prepare<[string], number>('SELECT id FROM partitions WHERE topic = ? ORDER BY partition')
    .pluck()
  const opened = new Map<string, readonly Partition[]>()

  function create({ topic, partitions, retentionMs, retentionBytes }: TopicSettings): void {
    insertTopic.run(topic, newLogId(random), partitions, retentionMs, retentionBytes)
    for (let partition = 0; partition < partitions; partition++) {
      const { lastInsertRowid } = insertPartition.run(topic, partition)
      db.exec(recordsTable(Number(lastInsertRowid)))
    }
  }

  function known(): Map<string, TopicRow> {
    return new Map(selectTopics.all().map((row) => [row.topic, row]))
  }

  function createOrUpdate(settings: readonly TopicSettings[]): void {
    const rows = known()
    for (const wanted of settings) {
      const row = rows.get(wanted.topic)
      if (row === undefined) create(wanted)
      else if (!sameRetention(row, wanted)) {
        updateTopic.run(wanted.retentionMs, wanted.retentionBytes, wanted.topic)
      }
    }
  }

  function partitionsOf(topic: string): readonly Partition[] {
    const already = opened.get(topic)
    if (already !== undefined) return already
    const ids = selectIds.all(topic)
    if (ids.length === 0) {
      throw new EngineError('bug', `the log has no topic ${topic}`, { hint: 'Call ensureTopics first.' })
    }
    const partitions = ids.map((id, partition) => new Partition(db, id, { topic, partition }, dictionaries))
    opened.set(topic, partitions)
    return partitions
  }

  function partition(tp: TopicPartition): Partition {
    const found = partitionsOf(tp.topic)[tp.partition]
    if (found === undefined) throw new EngineError('bug', `the log has no partition ${tpName(tp)}`)
    return found
  }

  return {
    ...dictionaries,
    partitionsOf,
    partition,
    topics: () => selectTopics.all(),
    infos: () =>
      selectTopics.all().map((row) => ({
        ...row,
        replication: 1,
        partitionInfos: partitionsOf(row.topic).map((each) => each.info()),
      })),
    ensure(settings) {
      const before = known()
      if (!settings.every((wanted) => sameRetention(before.get(wanted.topic), wanted))) {
        db.transaction(createOrUpdate).immediate(settings)
      }
      return otherPartitions(known(), settings)
    },
  }
}

/** Partitions stay what they were: with more of them a key would go elsewhere, and lose its order. */
function otherPartitions(rows: ReadonlyMap<string, TopicRow>, settings: readonly TopicSettings[]): string[] {
  return settings.flatMap(({ topic, partitions }) => {
    const has = rows.get(topic)!.partitions
    return has === partitions
      ? []
      : [`${topic} has ${has} partitions and keeps them; asked for were ${partitions}`]
  })
}

function sameRetention(row: TopicRow | undefined, wanted: TopicSettings): boolean {
  return row?.retentionMs === wanted.retentionMs && row.retentionBytes === wanted.retentionBytes
}

/** 128 bits that no other log has. */
function newLogId(random: () => number): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
}
