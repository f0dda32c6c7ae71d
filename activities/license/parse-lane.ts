import { Worker } from 'node:worker_threads'
import { AppError } from '../../core/errors.ts'
import type { ParserSetup } from './chunk-input.ts'
import { createChunkParser } from './chunk-parser.ts'
import { answerCall, listTransfers, type ParseAnswer, type ParseCall } from './parse-call.ts'
import type { ThreadReply, ThreadRequest } from './parse-thread.ts'

/** Somewhere that calls are answered, one after the other. */
export type ParseLane = {
  readonly call: <Name extends ParseCall['name']>(
    call: Extract<ParseCall, { name: Name }>,
  ) => Promise<ParseAnswer<Name>>
  /** Calls that wait for their answer. */
  readonly pending: () => number
  readonly isBroken: () => boolean
  readonly close: () => Promise<void>
}

type Waiting = {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** A lane in a thread of its own; `script` is the built parse-thread. */
export function createThreadLane(setup: ParserSetup, script: URL): ParseLane {
  const thread = new Worker(script, { workerData: setup, name: 'parser' })
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let broken = false
  // Only a call under way keeps the process alive.
  thread.unref()

  function settle(id: number): Waiting | undefined {
    const found = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) thread.unref()
    return found
  }

  function fail(): void {
    broken = true
    for (const id of waiting.keys()) settle(id)?.reject(createFailure('thread_lost'))
  }

  thread.on('error', fail)
  thread.on('exit', fail)
  thread.on('message', (reply: ThreadReply) => {
    const found = settle(reply.id)
    if ('answer' in reply) found?.resolve(reply.answer)
    else found?.reject(createFailure(reply.errorCode))
  })
  return {
    async call(call) {
      if (broken) throw createFailure('thread_lost')
      const request: ThreadRequest = { id: (lastId += 1), call }
      const answer = await new Promise<unknown>((resolve, reject) => {
        waiting.set(request.id, { resolve, reject })
        thread.ref()
        thread.postMessage(request, listTransfers(call))
      })
      return answer as ParseAnswer<typeof call.name> // answerCall's answer to this call
    },
    pending: () => waiting.size,
    isBroken: () => broken,
    async close() {
      await thread.terminate()
    },
  }
}

/** A lane on the calling thread, for sources that are not built: a thread cannot load them. */
export function createLocalLane(setup: ParserSetup): ParseLane {
  const parser = createChunkParser(setup)
  return {
    async call(call) {
      return await Promise.resolve(answerCall(parser, call) as ParseAnswer<typeof call.name>) // as above
    },
    pending: () => 0,
    isBroken: () => false,
    async close() {},
  }
}

function createFailure(code: string): AppError {
  return new AppError('parser_failed', `Cannot parse a chunk: the parser failed with "${code}"`, {
    status: 500,
  })
}
