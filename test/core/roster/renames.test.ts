import { fc } from '../../support/properties.ts'
import { groupRenames, orderRenames, type Rename } from '../../../core/roster/renames.ts'

function row(length: number): Rename[] {
  return Array.from({ length }, (_, index) => ({
    id: `p${String(index).padStart(3, '0')}`,
    held: `n${index}`,
    wanted: `n${index + 1}`,
  }))
}

function circle(length: number): Rename[] {
  return row(length).map((rename, index) => ({ ...rename, wanted: `n${(index + 1) % length}` }))
}

// Fails where somebody takes a name that somebody else has.
function carryOut(renames: readonly Rename[]): { names: Map<string, string>; writes: number } {
  const names = new Map(renames.map(({ id, held }) => [id, held]))
  const { parked, rounds } = orderRenames(renames)
  const take = (id: string, name: string): void => {
    const holder = [...names].find(([other, held]) => held === name && other !== id)
    if (holder) throw new Error(`${id} cannot take ${name}: ${holder[0]} has it`)
    names.set(id, name)
  }
  const wanted = new Map(renames.map((rename) => [rename.id, rename.wanted]))
  for (const id of parked) take(id, `parked ${id}`)
  for (const round of rounds) {
    // At once: in whatever order.
    for (const id of round.toReversed()) take(id, wanted.get(id) ?? '')
  }
  return { names, writes: parked.length + rounds.flat().length }
}

test('orderRenames() lets whoever has a name give it up before it is taken', () => {
  const [first, second, third] = row(3)
  expect(orderRenames(row(3))).toEqual({
    parked: [],
    rounds: [[third?.id], [second?.id], [first?.id]],
  })
})

test('orderRenames() parks the least of a circle, and takes its wish last', () => {
  expect(orderRenames(circle(2))).toEqual({ parked: ['p000'], rounds: [['p001'], ['p000']] })
  expect(orderRenames(circle(3))).toEqual({
    parked: ['p000'],
    rounds: [['p002'], ['p001'], ['p000']],
  })
})

test('orderRenames() leaves a change of case alone', () => {
  const rename = { id: 'a', held: 'ada', wanted: 'ada' }
  expect(orderRenames([rename])).toEqual({ parked: [], rounds: [['a']] })
})

test('orderRenames() cuts long rows and circles, so that they take few rounds', () => {
  for (const renames of [row(95), circle(95)]) {
    const { parked, rounds } = orderRenames(renames)
    expect(rounds).toHaveLength(10)
    expect(parked.length).toBeLessThanOrEqual(10)
    const { names } = carryOut(renames)
    expect([...names]).toEqual(renames.map(({ id, wanted }) => [id, wanted]))
  }
})

test('whatever names change hands, each is free when it is taken, and everybody has theirs', () => {
  const permutation = fc.integer({ min: 1, max: 60 }).chain((length) => {
    const held = Array.from({ length }, (_, index) => `n${index}`)
    const others = Array.from({ length: 5 }, (_, index) => `free${index}`)
    return fc
      .shuffledSubarray([...held, ...others], { minLength: length, maxLength: length })
      .map((wanted) =>
        held.map((name, index) => ({ id: `p${index}`, held: name, wanted: wanted[index] ?? '' })),
      )
  })
  fc.assert(
    fc.property(permutation, (renames) => {
      const { names, writes } = carryOut(renames)
      expect([...names]).toEqual(renames.map(({ id, wanted }) => [id, wanted]))
      expect(writes).toBeLessThanOrEqual(renames.length * 1.5)
      const groups = groupRenames(renames)
      expect(new Set(groups.flat())).toEqual(new Set(renames))
      for (const group of groups) carryOut(group)
    }),
    { numRuns: 300 },
  )
})

test('orderRenames() leaves nobody out where names are held or wanted twice', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const renames = fc
    .array(fc.record({ held: name, wanted: name }), { maxLength: 8 })
    .map((list) => list.map((rename, index) => ({ id: `p${index}`, ...rename })))
  fc.assert(
    fc.property(renames, (all) => {
      const { rounds } = orderRenames(all)
      expect(rounds.flat().toSorted()).toEqual(all.map(({ id }) => id).toSorted())
      expect(groupRenames(all).flat()).toHaveLength(all.length)
    }),
  )
})
