import { z } from 'zod'
import type { Output } from './output.ts'

const itemView = z.looseObject({
  id: z.string(),
  type: z.string(),
  subject: z.object({ type: z.string(), id: z.string(), hash: z.string() }),
  state: z.string(),
  stage: z.number(),
  stages: z.array(
    z.looseObject({
      name: z.string(),
      quorum: z.union([z.number(), z.string()]),
      approve: z.number(),
      deny: z.number(),
      needed: z.number().optional(),
    }),
  ),
  requester: z.string().nullable(),
  summary: z.record(z.string(), z.unknown()),
  openedAt: z.string(),
  expiresAt: z.string(),
  closedAt: z.string().optional(),
  failureCode: z.string().optional(),
})
export type ApprovalItem = z.output<typeof itemView>

/** A page of `GET /v1/approvals`. */
export const listView = z.object({ items: z.array(itemView), next: z.string().nullable() })

/** An approval as `GET /v1/approvals/{approvalId}` answers it. */
export const approvalView = itemView.extend({
  history: z.array(
    z.object({
      at: z.string(),
      event: z.string(),
      actor: z.string().optional(),
      detail: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    }),
  ),
})
export type ApprovalView = z.output<typeof approvalView>

/** What `GET /v1/approvals/{approvalId}/explain` answers. */
export const explanationView = z.looseObject({
  id: z.string(),
  state: z.string(),
  why: z.array(z.string()),
  mayVote: z
    .looseObject({
      people: z.array(z.string()),
      delegates: z.array(z.object({ login: z.string(), actingFor: z.string(), until: z.string() })),
    })
    .optional(),
  voted: z.array(
    z.looseObject({
      actor: z.string(),
      actingFor: z.string().optional(),
      verdict: z.string(),
      counts: z.boolean(),
    }),
  ),
  timers: z.array(z.object({ kind: z.string(), at: z.string(), effect: z.string() })),
})
type ExplanationView = z.output<typeof explanationView>

/** One line an approval. */
export function showApprovals(output: Output, items: readonly ApprovalItem[]): void {
  output.table(
    ['id', 'type', 'subject', 'state', 'approvals', 'requester', 'expires'],
    items.map((item) => [
      item.id,
      item.type,
      item.subject.id,
      item.state,
      describeStage(item),
      item.requester ?? '–',
      item.expiresAt,
    ]),
  )
}

/** How an approval stands, what it is about, and what happened. */
export function showApproval(output: Output, approval: ApprovalView): void {
  const { id, type, subject, state, failureCode, requester, openedAt, expiresAt } = approval
  output.line(`${type} ${id}: ${state}${failureCode === undefined ? '' : ` (${failureCode})`}`)
  output.table(
    ['of', 'is'],
    [
      ['subject', `${subject.type} ${subject.id}`],
      ['subject hash', subject.hash],
      ...Object.entries(approval.summary).map(([name, value]) => [name, toText(value)]),
      ['requester', requester ?? '–'],
      ['opened', openedAt],
      ['expires', expiresAt],
    ],
  )
  output.table(
    ['stage', 'approvals', 'denials', 'quorum'],
    approval.stages.map(({ name, approve, deny, quorum }) => [
      name,
      String(approve),
      String(deny),
      String(quorum),
    ]),
  )
  for (const entry of approval.history) output.line(describeEvent(entry))
}

/** Why an approval is not decided yet. */
export function showExplanation(output: Output, explanation: ExplanationView): void {
  const { why, mayVote, voted, timers } = explanation
  for (const sentence of why) output.line(sentence)
  if (mayVote && mayVote.people.length > 0) {
    output.line(`May vote: ${mayVote.people.join(', ')}`)
  }
  for (const { login, actingFor, until } of mayVote?.delegates ?? []) {
    output.line(`May vote for ${actingFor} until ${until}: ${login}`)
  }
  for (const { actor, actingFor, verdict, counts } of voted) {
    const who = actingFor === undefined ? actor : `${actor} for ${actingFor}`
    output.line(`Voted: ${who}, ${verdict}${counts ? '' : ' (does not count now)'}`)
  }
  for (const { at, effect } of timers) output.line(`${at}: ${effect}`)
}

function describeStage({ stage, stages }: ApprovalItem): string {
  const present = stages[stage - 1]
  return `${present?.approve ?? 0} of ${present?.needed ?? present?.quorum ?? '?'}, stage ${stage} of ${stages.length}`
}

function describeEvent({ at, event, actor, detail = {} }: ApprovalView['history'][number]): string {
  const facts = Object.entries(detail).map(([name, value]) => `${name} ${value}`)
  return [at, event, ...(actor === undefined ? [] : [`by ${actor}`]), facts.join(', ')]
    .filter((part) => part !== '')
    .join('  ')
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
