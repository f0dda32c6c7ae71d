import { randomUUID } from 'node:crypto'
import { gatherDigests } from '../../db/approval/digests.ts'
import { ApprovalApi, type As, type Problem } from '../support/approval-api.ts'
import {
  addPeople,
  openTestApproval,
  putPolicy,
  TEST_HASH,
  TEST_TYPE,
} from '../support/approvals.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

type Item = { readonly id: string; readonly stages: object; readonly expiresAt: string }
type Page = { readonly items: readonly Item[]; readonly next: string | null }
type Bulk = {
  readonly results: readonly {
    readonly id: string
    readonly status: number
    readonly state?: string
    readonly problem?: Problem
  }[]
}

let api: TestApi
let people: ApprovalApi

beforeAll(async () => {
  api = await startTestApi()
  people = new ApprovalApi(api)
  await addPeople(api.db, {
    approvers: ['ann', 'bob', 'requester'],
    bosses: ['flo'],
    others: ['otto'],
    empty: [],
  })
})
beforeEach(async () => {
  await api.db.query('truncate approvals, approval_policies cascade')
  await putPolicy(api.db)
})
afterAll(async () => {
  await api.close()
})

async function open(change: Parameters<typeof openTestApproval>[1] = {}): Promise<string> {
  return (await openTestApproval(api.db, change)).approvalId
}

async function list(as: As | string, query = ''): Promise<string[]> {
  const { status, body } = await people.as(as).get<Page>(`/v1/approvals${query}`)
  expect(status).toBe(200)
  return body.items.map(({ id }) => id)
}

test('the inbox has what the caller may vote on now, and nothing else', async () => {
  const id = await open()
  const own = await open({ requester: 'Bob' })
  const gained = await open({ beneficiary: 'BOB' })
  const asked = await open()
  await people.as('ann').act(asked, 'request-info', { question: 'Why?' })
  const closed = await open()
  await people.as('ann').vote(closed, { verdict: 'deny' })
  expect((await list('bob', '?mine=true')).toSorted()).toEqual([id])
  expect((await list('ann', '?mine=true')).toSorted()).toEqual([id, own, gained].toSorted())
  expect(await list('otto', '?mine=true')).toEqual([])
  expect(await list({ subject: 'x', scope: 'approval:read' }, '?mine=true')).toEqual([])
  expect(await list('ann', '?mine=true&state=denied')).toEqual([])
})

test('the inbox is like the approval, without votes and history', async () => {
  const id = await open()
  await people.as('ann').vote(id)
  const { body } = await people.as('bob').get<Page>('/v1/approvals?mine=true')
  const { body: whole } = await people.as('bob').get(`/v1/approvals/${id}`)
  const { votes: _votes, history: _history, ...item } = whole
  expect(body).toEqual({ items: [item], next: null })
  expect(item.stages).toMatchObject([{ approve: 1 }])
})

test('the inbox follows delegations, escalations, stages and fallbacks', async () => {
  const until = new Date(Date.now() + 600_000).toISOString()
  const delegated = await open()
  await people.as('ann').act(delegated, 'delegate', { to: 'dan', until })
  expect(await list('dan', '?mine=true')).toEqual([delegated])

  await putPolicy(api.db, {
    stages: [
      { name: 'a', approvers: { group: 'approvers' }, quorum: 1 },
      { name: 'b', approvers: { group: 'others' }, quorum: 1 },
    ],
  })
  const staged = await open()
  expect(await list('otto', '?mine=true')).toEqual([])
  await people.as('ann').vote(staged)
  expect(await list('otto', '?mine=true')).toEqual([staged])
  expect(await list('bob', '?mine=true')).toEqual([delegated])

  const stages = [{ name: 'a', approvers: { group: 'empty' }, quorum: 1 }]
  await putPolicy(api.db, { stages, fallbackGroup: 'bosses' })
  const fallen = await open()
  expect(await list('flo', '?mine=true')).toEqual([fallen])
})

test('who is a delegate of the requester has nothing in the inbox', async () => {
  const id = await open()
  await api.db.query(
    `insert into approval_delegations
       (approval_id, from_login, from_key, to_login, to_key, claims, since, until)
     values ($1, 'requester', 'requester', 'ann', 'ann', '{"scopes": []}', now(), 'infinity')`,
    [id],
  )
  expect(await list('ann', '?mine=true')).toEqual([])
  expect(await list('bob', '?mine=true')).toEqual([id])
})

test('the inbox has first what ends first, in pages without gap or repetition', async () => {
  const ids: string[] = []
  for (const expiresAfter of ['PT4H', 'PT2H', 'PT3H', 'PT1H', 'PT5H']) {
    await putPolicy(api.db, { expiresAfter })
    ids.push(await open())
  }
  const expected = [3, 1, 2, 0, 4].map((index) => ids[index])
  const seen: string[] = []
  let path: string | undefined = '/v1/approvals?mine=true&limit=2'
  while (path !== undefined) {
    const { headers, body }: { headers: Headers; body: Page } = await people
      .as('ann')
      .get<Page>(path)
    seen.push(...body.items.map(({ id }) => id))
    path = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1]
    expect(path === undefined).toBe(body.next === null)
  }
  expect(seen).toEqual(expected)
})

test('pages of the inbox are whole where some candidates are left out', async () => {
  const stages = [{ name: 'a', approvers: { scope: 'roster:approve', tenant: 'north' }, quorum: 1 }]
  for (let index = 0; index < 12; index += 1) {
    await putPolicy(api.db, index % 3 === 0 ? {} : { stages })
    await open()
  }
  const as = { subject: 'ann', scope: 'roster:approve', tenant: 'south' }
  expect(await list(as, '?mine=true&limit=2')).toHaveLength(2)
  expect(await list(as, '?mine=true')).toHaveLength(4)
})

test('a list has what the caller may see, newest first, by state and type', async () => {
  const own = await open({ requester: 'otto' })
  const foreign = await open()
  const denied = await open()
  await people.as('ann').vote(denied, { verdict: 'deny' })
  expect(await list('otto')).toEqual([own])
  expect(await list('ann')).toEqual([denied, foreign, own])
  expect(await list({ subject: 'x', scope: 'approval:read' })).toEqual([denied, foreign, own])
  expect(await list('nobody')).toEqual([])
  expect(await list('ann', '?state=denied')).toEqual([denied])
  expect(await list('ann', `?type=${TEST_TYPE}&limit=1`)).toEqual([denied])
  expect(await list('ann', '?type=login-registration')).toEqual([])
})

test('another tenant has nothing in its lists', async () => {
  const id = await open({ tenant: 'north' })
  const reader = { subject: 'ann', scope: 'approval:read' }
  expect(await list({ ...reader, tenant: 'south' })).toEqual([])
  expect(await list({ ...reader, tenant: 'south' }, '?mine=true')).toEqual([])
  expect(await list({ ...reader, tenant: 'north' })).toEqual([id])
  expect((await people.as({ ...reader, tenant: 'south' }).get(`/v1/approvals/${id}`)).status).toBe(
    404,
  )
})

test.each(['state=closed', 'mine=yes', 'limit=0', 'cursor=x', 'type=', 'type=a%00'])(
  'a list with %s is a 400',
  async (query) => {
    expect((await people.as('ann').get(`/v1/approvals?${query}`)).status).toBe(400)
  },
)

async function bulk(
  as: As | string,
  votes: readonly Readonly<Record<string, unknown>>[],
  key: string = randomUUID(),
): Promise<{ readonly status: number; readonly body: Bulk }> {
  const all = votes.map((vote) => ({ verdict: 'approve', subjectHash: TEST_HASH, ...vote }))
  return await people.as(as).send<Bulk>('POST', '/v1/approvals/bulk-votes', {
    json: { votes: all },
    headers: { 'idempotency-key': key },
  })
}

test('bulk votes have each their own outcome, in order, and twice the same', async () => {
  await putPolicy(api.db, {
    stages: [{ name: 'a', approvers: { group: 'approvers' }, quorum: 1 }],
  })
  const [open1, own, stale, closed] = [
    await open(),
    await open({ requester: 'ann' }),
    await open(),
    await open(),
  ]
  await people.as('bob').vote(closed)
  const votes = [
    { id: open1 },
    { id: own },
    { id: stale, subjectHash: 'other' },
    { id: closed },
    { id: randomUUID() },
    { id: 'nonsense' },
  ]
  const key = randomUUID()
  const { status, body } = await bulk('ann', votes, key)
  expect(status).toBe(200)
  expect(
    body.results.map(({ id, ...result }) => [
      id,
      result.status,
      result.state ?? result.problem?.code,
    ]),
  ).toEqual([
    [open1, 200, 'approved'],
    [own, 403, 'four_eyes'],
    [stale, 409, 'subject_changed'],
    [closed, 409, 'approval_closed'],
    [votes[4]?.id, 404, 'not_found'],
    ['nonsense', 404, 'not_found'],
  ])
  expect(body.results[3]?.problem).toMatchObject({ state: 'approved' })
  expect(await bulk('ann', votes, key)).toMatchObject({ body })
  const { rows } = await api.db.query(
    `select count(*) as votes from approval_votes where outcome = 'taken' and approval_id = $1`,
    [open1],
  )
  expect(rows).toEqual([{ votes: 1 }])
})

test('a bulk vote that breaks a rule is refused alone, as the single one would be', async () => {
  const id = await open()
  const votes = [{ id, verdict: 'maybe' }, { id, colour: 'red' }, { id, subjectHash: 1 }, { id }]
  const { status, body } = await bulk('ann', votes)
  expect(status).toBe(200)
  expect(body.results.map((result) => [result.id, result.status])).toEqual([
    [id, 422],
    [id, 422],
    [id, 422],
    [id, 200],
  ])
  expect(body.results.map(({ problem }) => problem?.errors?.[0]?.pointer)).toEqual([
    '/verdict',
    '/colour',
    '/subjectHash',
    undefined,
  ])
})

test('bulk votes on one approval are cast in their order: the last one counts', async () => {
  await putPolicy(api.db, {
    stages: [{ name: 'a', approvers: { group: 'approvers' }, quorum: 2, denyThreshold: 2 }],
  })
  const id = await open()
  const verdicts = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'deny' : 'approve'))
  await bulk(
    'ann',
    verdicts.map((verdict) => ({ id, verdict })),
  )
  const { body } = await people.as('ann').get(`/v1/approvals/${id}`)
  expect(body.votes.map(({ verdict }) => verdict)).toEqual(verdicts)
  expect(body.stages).toMatchObject([{ approve: 1, deny: 0 }])
})

test('bulk votes wake the runs of what they change', async () => {
  const id = await open()
  await api.db.query('truncate workflow_starts')
  await bulk('ann', [{ id }, { id }])
  const { rows } = await api.db.query(
    'select workflow_id, signal_name, input from workflow_starts order by id',
  )
  const wake = {
    workflow_id: `approval:${id}`,
    signal_name: 'changed',
    input: { approvalId: id, subjectHash: TEST_HASH },
  }
  expect(rows).toEqual([wake, wake])
})

test.each([
  ['none', [], 422],
  ['too many', Array.from({ length: 501 }, () => ({ id: 'x' })), 422],
  ['a vote on nothing', [{ id: undefined }], 422],
])('%s is no bulk vote', async (_, votes, status) => {
  expect((await bulk('ann', votes)).status).toBe(status)
})

test("approval digests are listed page by page, each person's own", async () => {
  type Digests = {
    readonly items: readonly { items: { approvalId: string }[] }[]
    readonly next: string | null
  }
  const told = [await open()]
  await gatherDigests(api.db, 100)
  told.push(await open())
  await gatherDigests(api.db, 100)
  const first = await people.as('Ann').get<Digests>('/v1/approval-digests?limit=1')
  const rest = await people
    .as('ann')
    .get<Digests>(
      `/v1/approval-digests?limit=1&cursor=${encodeURIComponent(first.body.next ?? '')}`,
    )
  const digests = [...first.body.items, ...rest.body.items]
  expect(digests.map(({ items }) => items.map(({ approvalId }) => approvalId))).toEqual(
    told.toReversed().map((id) => [id]),
  )
  expect(rest.body.next).toBeNull()
  expect((await people.as('otto').get<Digests>('/v1/approval-digests')).body.items).toEqual([])
})
