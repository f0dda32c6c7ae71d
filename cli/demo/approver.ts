import { randomBytes } from 'node:crypto'
import { isAppError } from '../../core/errors.ts'
import { approvalView } from '../approve-report.ts'
import type { ApiClient } from '../client.ts'
import type { DemoPerson } from './caller.ts'

export type Appointment = {
  readonly openAs: (person: DemoPerson) => Promise<ApiClient>
  readonly group: string
}

/** Lets somebody made up decide for a group; nobody stays an approver because of a demo. */
export async function withApprover<T>(
  { openAs, group }: Appointment,
  work: (approver: ApiClient) => Promise<T>,
): Promise<T> {
  const login = `demo-rita-${randomBytes(4).toString('hex')}`
  const admin = await openAs({ subject: 'demo-admin', scope: 'user:write group:write' })
  try {
    const body = { email: `${login}@example.org`, name: login }
    await admin.send({ method: 'PUT', path: `/user/${login}`, body })
    await admin.send({ method: 'PUT', path: `/v1/groups/${group}` })
    await admin.send({ method: 'PUT', path: `/v1/groups/${group}/members/${login}` })
    return await work(await openAs({ subject: login, scope: 'approval:vote' }))
  } finally {
    await removePerson(admin, login)
  }
}

export type Decision = { readonly verdict: 'approve' | 'deny'; readonly reason: string }

/** Votes on an approval as it stands now. */
export async function decide(
  approver: ApiClient,
  approvalId: string,
  decision: Decision,
): Promise<void> {
  const path = `/v1/approvals/${approvalId}`
  const { subject } = approvalView.parse(await approver.sendForJson({ method: 'GET', path }))
  const body = { ...decision, subjectHash: subject.hash }
  await approver.send({ method: 'POST', path: `${path}/votes`, body })
}

async function removePerson(admin: ApiClient, login: string): Promise<void> {
  try {
    await admin.send({ method: 'DELETE', path: `/user/${login}` })
  } catch (error) {
    if (!isAppError(error)) throw error
  }
}
