import { showChange } from '../change-report.ts'
import { readChange, type ChangeView } from '../change-view.ts'
import { followChange, isSettled } from './following.ts'
import type { Scene } from './scene.ts'
import type { StandIns } from './stand-ins.ts'
import { skipStep, takeStep, type DemoStep } from './steps.ts'

const NAME = 'a sink that is down catches up'
const TITLE = 'staff_information.title'

/**
 * Takes one sink down: two changes reach all others at once, and that one, when it is back, in one
 * delivery of the newest.
 */
export async function takeOutage(scene: Scene): Promise<DemoStep> {
  const { standIns } = scene.demo
  if (!standIns) return skipStep(NAME, 'the sinks are configured ones, which stay as they are')
  return await takeStep(NAME, async () => {
    const { name, setDown } = standIns.fragile
    try {
      setDown(true)
      scene.demo.output.line(`\n${name} goes down`)
      const first = await changeMeanwhile(scene, { name, title: 'Archivist' })
      const second = await changeMeanwhile(scene, { name, title: 'Head of Archives' })
      setDown(false)
      scene.demo.output.line(`\n${name} is back`)
      const surprises = [first, second].flatMap((change) => judgeMeanwhile(change, name))
      return { surprises: [...surprises, ...(await catchUp(scene, standIns, [first, second]))] }
    } finally {
      setDown(false)
    }
  })
}

async function changeMeanwhile(
  { say, reader, demo }: Scene,
  { name, title }: { readonly name: string; readonly title: string },
): Promise<ChangeView> {
  const serial = await say('hris', { [TITLE]: title })
  const change = await followChange(reader, serial, ({ sinks }) =>
    sinks.every((sink) => sink.name === name || isSettled(sink)),
  )
  showChange(demo.output, change)
  return change
}

function judgeMeanwhile({ serial, sinks }: ChangeView, down: string): string[] {
  return sinks.flatMap(({ name, state }) => {
    const expected = name === down ? 'pending' : 'succeeded'
    if (state === expected) return []
    return [`change ${serial} was ${state} at ${name} while ${down} was down`]
  })
}

async function catchUp(
  { reader, person, demo }: Scene,
  { fragile, sinks }: StandIns,
  [first, second]: readonly [ChangeView, ChangeView],
): Promise<string[]> {
  const newest = await followChange(reader, second.serial, (now) => now.sinks.every(isSettled))
  const overtaken = await readChange(reader, first.serial)
  for (const change of [overtaken, newest]) showChange(demo.output, change)
  const stateOf = (change: ChangeView): string | undefined =>
    change.sinks.find(({ name }) => name === fragile.name)?.state
  const sink = sinks.find(({ name }) => name === fragile.name)
  const expected = { ...person, title: 'Head of Archives', serial: second.serial }
  return [
    ...(stateOf(overtaken) === 'superseded' ? [] : ['the older change was not overtaken']),
    ...(stateOf(newest) === 'succeeded' ? [] : ['the newest change did not arrive']),
    ...((await sink?.look(expected, demo.run)) ?? []),
  ]
}
