import type { GroupInfo, GroupOffset } from '../broker.ts'
import type { KafkaCluster, KafkaNode, KafkaNodes } from './cluster.ts'
import { byTopic } from './fetch.ts'

/** What groups say they have read. Told to people and tools; nothing is ever started from it. */
export type KafkaGroups = {
  all(): Promise<GroupInfo[]>
  /** For a group that nobody is in: a member has to tell it himself. */
  commit(group: string, offsets: readonly GroupOffset[]): Promise<void>
}

export function openKafkaGroups(cluster: KafkaCluster, isOurs: (topic: string) => boolean): KafkaGroups {
  async function infoOf(nodes: KafkaNodes, group: string): Promise<GroupInfo> {
    const coordinator = await nodes.coordinator(group)
    const [offsets, described] = await Promise.all([
      offsetsOf(coordinator, group),
      coordinator.describeGroups({ groupIds: [group] }),
    ])
    return {
      group,
      offsets: offsets.filter(({ topic }) => isOurs(topic)),
      members: described.groups.find(({ groupId }) => groupId === group)?.members.length ?? null,
    }
  }

  return {
    all: () =>
      cluster.run('a look at groups', async (nodes) => {
        const lists = await Promise.all((await nodes.all()).map((node) => node.listGroups()))
        const names = lists
          .flatMap(({ groups }) => groups)
          .filter(({ protocolType }) => protocolType === 'consumer' || protocolType === '')
          .map(({ groupId }) => groupId)
        const infos = await Promise.all([...new Set(names)].sort().map((name) => infoOf(nodes, name)))
        return infos.filter(({ offsets }) => offsets.length > 0)
      }),
    commit: (group, offsets) =>
      cluster.run('offsets of a group', async (nodes) => {
        const coordinator = await nodes.coordinator(group)
        const offsetOf = new Map(offsets.map((each) => [`${each.topic}/${each.partition}`, each.offset]))
        await coordinator.offsetCommit({
          groupId: group,
          memberId: '',
          groupGenerationId: -1,
          topics: byTopic(offsets, ({ topic, partition }) => ({
            partition,
            offset: String(offsetOf.get(`${topic}/${partition}`)),
          })),
        })
      }),
  }
}

async function offsetsOf(coordinator: KafkaNode, groupId: string): Promise<GroupOffset[]> {
  const { responses } = await coordinator.offsetFetch({ groupId, topics: [] })
  return responses
    .flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })),
    )
    .filter(({ offset }) => offset >= 0)
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}
