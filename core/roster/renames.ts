/** A user name that is given up for another one; names in the form in which they are compared. */
export type Rename = { readonly id: string; readonly held: string; readonly wanted: string }

/** How names change hands where no two accounts may have the same one. */
export type RenameOrder = {
  /** Who gives up their name for a temporary one before all others. */
  readonly parked: readonly string[]
  /** Ids of renames that need nothing of each other, each round after the one before. */
  readonly rounds: readonly (readonly string[])[]
}

// A long row is cut into pieces that go at the same time, at the price of one write for each cut.
const MAX_ROUNDS = 10

/**
 * Renames by group: whoever wants a name is in one with whoever has it. Groups come in the order of
 * their first members, each of which begins its group.
 */
export function groupRenames<R extends Rename>(renames: readonly R[]): R[][] {
  const { holders, wanters } = indexRenames(renames)
  const seen = new Set<R>()
  return renames.flatMap((first) => {
    const group: R[] = []
    const open: (R | undefined)[] = [first]
    while (open.length > 0) {
      const rename = open.pop()
      if (!rename || seen.has(rename)) continue
      seen.add(rename)
      group.push(rename)
      open.push(holders.get(rename.wanted), wanters.get(rename.held))
    }
    return group.length === 0 ? [] : [group]
  })
}

/**
 * Orders renames so that each name is free when it is taken: whoever has it goes before. Of those who
 * want each other's names in a circle, the least by id is parked.
 */
export function orderRenames(renames: readonly Rename[]): RenameOrder {
  const sorted = renames.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  const { holders, wanters } = indexRenames(sorted)
  const placed = new Set<Rename>()
  const parked: string[] = []
  const rounds: string[][] = []
  const place = (row: readonly Rename[]): void => {
    for (const [at, rename] of row.entries()) {
      placed.add(rename)
      const round = at % MAX_ROUNDS
      const ofRound = (rounds[round] ??= [])
      ofRound.push(rename.id)
      if (round === MAX_ROUNDS - 1 && at < row.length - 1) parked.push(rename.id)
    }
  }
  for (const rename of sorted) {
    const holder = holders.get(rename.wanted)
    if (!holder || holder === rename) place(listRow(rename, { wanters, placed }))
  }
  for (const rename of sorted) {
    if (placed.has(rename)) continue
    const [, ...others] = listRow(rename, { wanters, placed })
    parked.push(rename.id)
    place([...others, rename])
  }
  return { parked, rounds }
}

// A rename, who wants the name that it gives up, who wants theirs, and so on.
function listRow(
  first: Rename,
  {
    wanters,
    placed,
  }: { readonly wanters: ReadonlyMap<string, Rename>; readonly placed: ReadonlySet<Rename> },
): Rename[] {
  const row = new Set<Rename>()
  let next: Rename | undefined = first
  while (next && !row.has(next) && !placed.has(next)) {
    row.add(next)
    next = wanters.get(next.held)
  }
  return [...row]
}

// Of several with one name, the first counts.
function indexRenames<R extends Rename>(
  renames: readonly R[],
): { readonly holders: ReadonlyMap<string, R>; readonly wanters: ReadonlyMap<string, R> } {
  const reversed = renames.toReversed()
  return {
    holders: new Map(reversed.map((rename) => [rename.held, rename])),
    wanters: new Map(reversed.map((rename) => [rename.wanted, rename])),
  }
}
