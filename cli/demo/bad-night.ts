import { findAttribute, type PartialProfile } from '../../core/profile/document.ts'
import { pullFrom, readSourceRun, type SourceRunView } from '../source-run-view.ts'
import type { ApiClient } from '../client.ts'
import { decide, withApprover } from './approver.ts'
import { waitUntilSo } from './following.ts'
import type { Scene } from './scene.ts'
import type { DemoSource } from './stand-ins.ts'
import { skipStep, takeStep, type DemoStep } from './steps.ts'

const NAME = 'a bad night at a source deactivates nobody'
const GROUP = 'run_approvers'
const TITLE = 'Director of Archives'

/**
 * Pulls the person from a report; then the report is empty for a night, and its run is held until
 * somebody denies it.
 */
export async function takeBadNight(scene: Scene): Promise<DemoStep> {
  const source = scene.demo.standIns?.source
  if (!source) return skipStep(NAME, 'the sources are configured ones, which stay as they are')
  return await takeStep(NAME, async () => {
    const puller = await scene.demo.openAs({ subject: 'demo-puller', scope: 'source:run' })
    source.setReport([createEntry(scene)])
    const pull = { source: source.name, mode: 'full', dryRun: false } as const
    const good = await pullFrom(puller, pull)
    const surprises = [...judgeGoodNight(good), ...(await judgePerson(scene))]
    source.setReport([])
    const bad = await pullFrom(puller, pull)
    show(scene, [good, bad])
    if (bad.state !== 'held' || bad.hold?.reason !== 'empty' || bad.approvalId === null) {
      return { surprises: [...surprises, `a run of an empty report is ${bad.state}`] }
    }
    const after = await deny(scene, { puller, source, run: bad })
    return { surprises: [...surprises, ...after, ...(await judgePerson(scene))] }
  })
}

function createEntry({ person }: Scene): Readonly<Record<string, string>> {
  return {
    EmployeeID: person.userId.slice(person.userId.lastIndexOf('-') + 1),
    PrimaryWorkEmail: person.email,
    CurrentlyActive: '1',
    businessTitle: TITLE,
    WorkerType: 'Employee',
  }
}

function judgeGoodNight({ state, counts }: SourceRunView): string[] {
  if (state === 'succeeded' && counts['updated'] === 1) return []
  return [`the first run is ${state}, with ${counts['updated'] ?? 0} persons updated`]
}

async function judgePerson({ reader, person }: Scene): Promise<string[]> {
  const path = `/v2/user/user_id/${encodeURIComponent(person.userId)}?active=any`
  const profile = (await reader.sendForJson({ method: 'GET', path })) as PartialProfile // as served
  const valueOf = (name: string): unknown => findAttribute(profile, name)?.value
  return [
    ...(valueOf('staff_information.title') === TITLE
      ? []
      : ['the report has not changed the title']),
    ...(valueOf('active') === true ? [] : ['the person was deactivated']),
  ]
}

type HeldRun = {
  readonly puller: ApiClient
  readonly source: DemoSource
  readonly run: SourceRunView
}

async function deny(scene: Scene, { puller, source, run }: HeldRun): Promise<string[]> {
  const { openAs, output } = scene.demo
  const decision = { verdict: 'deny', reason: 'The report is broken' } as const
  await withApprover({ openAs, group: GROUP }, async (approver) => {
    await decide(approver, run.approvalId ?? '', decision)
  })
  const isDiscarded = await waitUntilSo(async () => {
    const { state } = await readSourceRun(puller, { source: source.name, id: run.id })
    return state === 'discarded'
  })
  if (!isDiscarded) return ['the run that was denied is not discarded']
  output.line('  denied by somebody else: discarded, and the person is as before')
  return []
}

function show({ demo }: Scene, [good, bad]: readonly [SourceRunView, SourceRunView]): void {
  demo.output.line('\nA report of employees is pulled, and is empty the night after')
  demo.output.line(`  first night: ${good.state}, ${good.counts['updated'] ?? 0} updated`)
  const { hold, counts } = bad
  demo.output.line(
    `  second night: ${bad.state} (${hold?.reason ?? 'no reason'}), ${counts['deactivated'] ?? 0} would be deactivated`,
  )
}
