import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { loginApproversGroup } from '../../core/approval/types.ts'
import { AppError, isAppError } from '../../core/errors.ts'
import type { VoteSignal } from '../approve-signal.ts'
import type { ApiClient } from '../client.ts'
import type { Output } from '../output.ts'
import { PATIENCE_MS, waitUntilSo } from './following.ts'
import { takeStep, type DemoStep } from './steps.ts'

export type DemoLogins = {
  /** The API with a token of somebody. */
  readonly openAs: (person: {
    readonly subject: string
    readonly scope: string
  }) => Promise<ApiClient>
  /** Votes as an operator does from the Temporal UI. */
  readonly sendSignal: (signal: VoteSignal) => Promise<void>
  readonly output: Output
}

/** Who is in the scene, and those who call the API for them. */
type Scene = {
  readonly applicants: readonly [string, string]
  readonly approver: string
  readonly portal: ApiClient
  readonly demo: DemoLogins
}

/** Somebody who registered, and where their approval is. */
type Applicant = { readonly login: string; readonly password: string; readonly path: string }

const PORTAL_SCOPE = 'user:write user:register user:authn group:write approval:read'
const LOOK_MS = 100

const registered = z.object({ approvalId: z.string() })
const approval = z.object({
  workflowId: z.string(),
  state: z.string(),
  subject: z.object({ hash: z.string() }),
})

/** Two people register: nobody approves their own login, one is let in by the API and one by a plain signal. */
export async function letPeopleIn(demo: DemoLogins): Promise<DemoStep> {
  return await takeStep('let two people in', async () => {
    // Of this run alone: what an earlier one left is nobody's business.
    const run = randomBytes(4).toString('hex')
    const applicants = [`demo-grace-${run}`, `demo-linus-${run}`] as const
    const approver = `demo-ada-${run}`
    const portal = await demo.openAs({ subject: 'demo-portal', scope: PORTAL_SCOPE })
    const scene: Scene = { applicants, approver, portal, demo }
    try {
      return { surprises: await play(scene) }
    } finally {
      // Nobody stays an approver because of a demo.
      for (const login of [approver, ...applicants]) await removePerson(portal, login)
    }
  })
}

async function play(scene: Scene): Promise<string[]> {
  const { applicants, approver, portal, demo } = scene
  const [grace, linus] = applicants
  await portal.send({ method: 'PUT', path: `/v1/groups/${loginApproversGroup}` })
  for (const login of [approver, ...applicants]) await addPerson(portal, login)
  for (const login of [approver, grace]) {
    const path = `/v1/groups/${loginApproversGroup}/members/${login}`
    await portal.send({ method: 'PUT', path })
  }
  const password = randomBytes(12).toString('base64url')
  const first = await register(scene, grace, password)
  const second = await register(scene, linus, password)
  const refusal = await decide(scene, { login: grace, by: grace })
  const consent = await decide(scene, { login: grace, by: approver })
  const waiting = approval.parse(await portal.sendForJson({ method: 'GET', path: second.path }))
  await signalPatiently(scene, waiting)
  const isIn = [await canLogIn(scene, first), await canLogIn(scene, second)]
  show(demo.output, { refusal, isIn })
  return [
    ...(refusal === 'four_eyes' ? [] : [`one's own approval was answered ${refusal}`]),
    ...(consent === 'ok' ? [] : [`the approval was answered ${consent}`]),
    ...(isIn.every(Boolean) ? [] : ['somebody who was approved cannot log in']),
  ]
}

async function addPerson(portal: ApiClient, login: string): Promise<void> {
  const body = { email: `${login}@example.org`, name: login }
  await portal.send({ method: 'PUT', path: `/user/${login}`, body })
}

async function removePerson(portal: ApiClient, login: string): Promise<void> {
  try {
    await portal.send({ method: 'DELETE', path: `/user/${login}` })
  } catch (error) {
    if (!isAppError(error)) throw error
  }
}

async function register({ portal }: Scene, login: string, password: string): Promise<Applicant> {
  const body = { login, email: `${login}@example.org`, password }
  const answer = await portal.sendForJson({ method: 'POST', path: '/user/register', body })
  return { login, password, path: `/v1/approvals/${registered.parse(answer).approvalId}` }
}

// The code of the refusal, or `ok`.
async function decide(
  { demo }: Scene,
  { login, by }: { readonly login: string; readonly by: string },
): Promise<string> {
  const client = await demo.openAs({ subject: by, scope: 'approval:vote' })
  const body = { login, authz_login: by }
  try {
    await client.send({ method: 'POST', path: '/user/approve', body })
    return 'ok'
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

// Who is decided on can log in a moment later; a signal has no other answer.
async function canLogIn({ portal }: Scene, { login, password, path }: Applicant): Promise<boolean> {
  await waitUntilSo(
    async () =>
      approval.parse(await portal.sendForJson({ method: 'GET', path })).state === 'applied',
  )
  const authentication = `/v1/users/${login}/authenticate`
  const body = { password }
  return (await portal.sendForJson({ method: 'POST', path: authentication, body })) === true
}

// The run of an approval that was opened just now may not be there yet.
async function signalPatiently(
  { demo, approver }: Scene,
  { workflowId, subject }: z.output<typeof approval>,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      const vote = { actor: approver, subjectHash: subject.hash }
      await demo.sendSignal({ workflowId, verdict: 'approve', vote })
      return
    } catch (error) {
      if (!isAppError(error) || Date.now() > deadline) throw error
      await delay(LOOK_MS)
    }
  }
}

function show(
  output: Output,
  { refusal, isIn }: { readonly refusal: string; readonly isIn: readonly boolean[] },
): void {
  const [byApi, bySignal] = isIn.map((is) => (is ? 'can log in' : 'cannot log in'))
  output.line('\nTwo people registered for a login')
  output.line(`  one tried to approve herself: refused, ${refusal}`)
  output.line(`  approved by another one: ${byApi ?? ''}`)
  output.line(`  approved by a plain signal to the workflow: ${bySignal ?? ''}`)
}
