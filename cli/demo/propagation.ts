import { isAppError } from '../../core/errors.ts'
import { findAttribute, type PartialProfile } from '../../core/profile/document.ts'
import { showChange } from '../change-report.ts'
import type { ChangeView } from '../change-view.ts'
import { takeBadNight } from './bad-night.ts'
import { followChange, isSettled } from './following.ts'
import { takeOutage } from './outage.ts'
import { openScene, type DemoPropagation, type Scene, type SinkView } from './scene.ts'
import { skipStep, takeStep, type DemoStep } from './steps.ts'

const NAME = 'a person changed by two publishers'
const MS_PER_SECOND = 1_000

/** Two publishers say who a person is and every sink is looked into; then one sink is down for a while, and a source has a bad night. */
export async function propagatePerson(demo: DemoPropagation): Promise<DemoStep[]> {
  const scene = await openScene(demo)
  announce(scene)
  let newest: ChangeView | undefined
  const change = await takeStep(NAME, async () => {
    const [reason, found] = await changeTwice(scene)
    newest = found
    return reason === undefined ? { surprises: await judgeVault(scene) } : { surprises: [], reason }
  })
  const steps = [change]
  if (newest) steps.push(...(await lookIntoSinks(scene, newest)))
  if (newest && steps.every((step) => step.ok)) steps.push(await takeOutage(scene))
  if (newest && steps.every((step) => step.ok)) steps.push(await takeBadNight(scene))
  return steps
}

function announce({ demo, sinks, person }: Scene): void {
  const { output, standIns } = demo
  const names = sinks.map(({ name, kind }) => `${name} (${kind})`).join(', ')
  output.line(
    `\n${person.email} is made up; whatever is said of them goes to ${names || 'no sink'}`,
  )
  for (const { name, reason } of standIns?.missing ?? []) output.line(`SKIPPED: ${name}: ${reason}`)
}

type Changed = readonly [reason: string | undefined, newest: ChangeView | undefined]

async function changeTwice(scene: Scene): Promise<Changed> {
  const { person } = scene
  try {
    let newest: ChangeView | undefined
    for (const publisher of ['ldap', 'hris'] as const) {
      newest = await arrive(scene, await scene.say(publisher, person.knownTo[publisher]))
    }
    return [undefined, newest]
  } catch (error) {
    const reason = findReason(scene, error)
    if (reason === undefined) throw error
    return [reason, undefined]
  }
}

async function arrive({ reader, demo, sinks }: Scene, serial: number): Promise<ChangeView> {
  const isOff = (name: string): boolean => sinks.some((sink) => sink.name === name && !isOn(sink))
  const change = await followChange(reader, serial, (now) =>
    now.sinks.every((sink) => isSettled(sink) || isOff(sink.name)),
  )
  showChange(demo.output, change)
  return change
}

// Whoever started Registrar may have given it publishers whose keys are not here.
function findReason({ demo }: Scene, error: unknown): string | undefined {
  if (isAppError(error, 'no_key')) return error.message
  if (demo.isOurs || !isAppError(error, 'invalid_signature')) return undefined
  return 'the Registrar that runs has publishers of its own, whose keys are not here'
}

async function judgeVault({ reader, person }: Scene): Promise<string[]> {
  const path = `/v2/user/user_id/${encodeURIComponent(person.userId)}?active=any`
  const profile = (await reader.sendForJson({ method: 'GET', path })) as PartialProfile // as served
  const expected = [
    ['last_name', person.knownTo.ldap['last_name'], 'ldap'],
    ['staff_information.title', person.title, 'hris'],
  ] as const
  return expected.flatMap(([name, value, publisher]) => {
    const found = findAttribute(profile, name)
    const isSo = found?.value === value && found?.signature.publisher.name === publisher
    return isSo ? [] : [`the vault does not have what ${publisher} said of ${name}`]
  })
}

async function lookIntoSinks(scene: Scene, newest: ChangeView): Promise<DemoStep[]> {
  const { standIns } = scene.demo
  const missing = (standIns?.missing ?? []).map(({ name, reason }) =>
    skipStep(`arrival at ${name}`, reason),
  )
  if (newest.sinks.length === 0) {
    return [...missing, skipStep('arrival at sinks', 'SINKS_FILE of this Registrar names none')]
  }
  const steps: DemoStep[] = []
  for (const { name } of newest.sinks) {
    const view = scene.sinks.find((sink) => sink.name === name)
    if (view && !isOn(view)) steps.push(skipStep(`arrival at ${name}`, `it is ${view.state}`))
    else steps.push(await lookIntoSink(scene, { newest, name }))
  }
  return [...missing, ...steps]
}

type Arrival = { readonly newest: ChangeView; readonly name: string }

async function lookIntoSink(scene: Scene, { newest, name }: Arrival): Promise<DemoStep> {
  const { person, demo } = scene
  const own = demo.standIns?.sinks.find((sink) => sink.name === name)
  return await takeStep(`arrival at ${name}`, async () => {
    const progress = newest.sinks.find((sink) => sink.name === name)
    if (progress?.state !== 'succeeded') {
      const code = progress?.error?.code ?? 'no error'
      return { surprises: [`change ${newest.serial} is ${progress?.state ?? 'unknown'} (${code})`] }
    }
    const surprises = (await own?.look({ ...person, serial: newest.serial }, demo.run)) ?? []
    return { surprises, seconds: secondsUntil(newest, progress.at) }
  })
}

function secondsUntil({ tags }: ChangeView, at: string | undefined): number {
  const receivedAt = tags.find(({ tag }) => tag === 'received')?.at
  if (at === undefined || receivedAt === undefined) return 0
  return (Date.parse(at) - Date.parse(receivedAt)) / MS_PER_SECOND
}

function isOn({ state }: SinkView): boolean {
  return state === 'active'
}
