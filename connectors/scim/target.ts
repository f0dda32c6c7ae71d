import type { ScimTarget } from '../../core/roster/target.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { planMembers } from './members.ts'
import { planGroup, planPerson } from './orders.ts'
import { runPlans } from './runner.ts'

export type ScimTargetOptions = ConnectionOptions

/**
 * A SCIM 2.0 service provider. It learns by itself what the target can do and who is there; keep it
 * open for a whole run, so that this is learned once. What it learns of the target's pace is shared
 * by all clients of that base URL in this process.
 */
export function createScimTarget(options: ScimTargetOptions): ScimTarget {
  const { batchSize } = options
  const connection = new Connection(options)
  return {
    async writePeople(orders, writing) {
      const plans = orders.map((order) => planPerson(order))
      await runPlans(plans, await connection.open('Users', writing.signal), writing)
    },
    async writeGroups(orders, writing) {
      const plans = orders.map((order) => planGroup(order))
      await runPlans(plans, await connection.open('Groups', writing.signal), writing)
    },
    async writeMembers(orders, writing) {
      const plans = orders.map((order) => planMembers(order, batchSize))
      await runPlans(plans, await connection.open('Groups', writing.signal), writing)
    },
    listPeople: async (page) => await connection.listPeople(page),
    listGroups: async (page) => await connection.listGroups(page),
    readGroup: async (scimId, signal) => await connection.readGroup(scimId, signal),
    async check(signal) {
      await connection.open('Users', signal)
      await connection.listPeople({ startIndex: 1, count: 1, signal })
    },
    // The connections are the HTTP client's.
    close() {},
  }
}
