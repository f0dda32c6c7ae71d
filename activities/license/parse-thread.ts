import { parentPort, workerData } from 'node:worker_threads'
import type { ParserSetup } from './chunk-input.ts'
import { createChunkParser } from './chunk-parser.ts'
import { answerCall, listTransfers, type ParseCall } from './parse-call.ts'

/** A call and the number under which it is answered. */
export type ThreadRequest = { readonly id: number; readonly call: ParseCall }

/** The answer, or the code of what went wrong: a message could hold data of a row. */
export type ThreadReply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly errorCode: string }

// The entry of a thread that parses; `workerData` is its ParserSetup.
if (parentPort) serve(parentPort, workerData as ParserSetup) // given by createThreadLane

function serve(port: NonNullable<typeof parentPort>, setup: ParserSetup): void {
  const parser = createChunkParser(setup)
  port.on('message', (request: ThreadRequest) => {
    const reply = answer(request)
    port.postMessage(reply, 'answer' in reply ? listTransfers(reply.answer) : [])
  })

  function answer({ id, call }: ThreadRequest): ThreadReply {
    try {
      return { id, answer: answerCall(parser, call) }
    } catch (error) {
      return { id, errorCode: toCode(error) }
    }
  }
}

function toCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unexpected'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
