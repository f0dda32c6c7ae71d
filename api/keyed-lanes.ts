/** Lets so much of one thing's work run at once, and what is more wait its turn. */
export type Lanes = {
  readonly run: <T>(key: string, work: () => Promise<T>) => Promise<T>
}

type Lane = { running: number; readonly waiting: (() => void)[] }

/** Creates lanes by key; `width` pieces of work of one key run at once, in the order in which they came. */
export function createLanes(width: number): Lanes {
  const lanes = new Map<string, Lane>()
  return {
    async run(key, work) {
      const lane = lanes.get(key) ?? { running: 0, waiting: [] }
      lanes.set(key, lane)
      if (lane.running >= width) await new Promise<void>((go) => lane.waiting.push(go))
      else lane.running += 1
      try {
        return await work()
      } finally {
        leave(lanes, key, lane)
      }
    },
  }
}

// The place goes to the next in line, or the lane gets narrower.
function leave(lanes: Map<string, Lane>, key: string, lane: Lane): void {
  const next = lane.waiting.shift()
  if (next) {
    next()
    return
  }
  lane.running -= 1
  if (lane.running === 0) lanes.delete(key)
}
