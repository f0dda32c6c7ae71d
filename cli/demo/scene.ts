import { z } from 'zod'
import type { Config } from '../../config/config.ts'
import type { PublisherName } from '../../core/profile/document.ts'
import type { ApiClient } from '../client.ts'
import type { Output } from '../output.ts'
import type { RunFile } from '../run-file.ts'
import { createMadeUpPerson, publish, type Contents, type MadeUpPerson } from './person.ts'
import type { StandIns } from './stand-ins.ts'

export type DemoPropagation = {
  /** The API with a token of somebody, who may be a publisher. */
  readonly openAs: (caller: {
    readonly subject: string
    readonly scope: string
    readonly publisher?: PublisherName
  }) => Promise<ApiClient>
  readonly config: Config
  readonly run: RunFile
  /** Whether the demo started this Registrar, which then has the same publishers. */
  readonly isOurs: boolean
  /** Undefined where the sinks are those that somebody configured. */
  readonly standIns: StandIns | undefined
  readonly output: Output
}

/** A person, those who speak of them, and where that is to arrive. */
export type Scene = {
  readonly demo: DemoPropagation
  readonly person: MadeUpPerson
  readonly reader: ApiClient
  readonly sinks: readonly SinkView[]
  /** Sends what a publisher says now; answers the serial. */
  readonly say: (publisher: 'ldap' | 'hris', contents: Contents) => Promise<number>
}

const READER_SCOPE = 'change:read propagation:write read:fullprofile display:all'

const sinkList = z.object({
  items: z.array(z.object({ name: z.string(), kind: z.string(), state: z.string() })),
})
export type SinkView = z.output<typeof sinkList>['items'][number]

/** Opens the API for a reader and two publishers, and finds the sinks that there are. */
export async function openScene(demo: DemoPropagation): Promise<Scene> {
  const { openAs, config } = demo
  const person = createMadeUpPerson()
  const reader = await openAs({ subject: 'demo', scope: READER_SCOPE })
  const answer = await reader.sendForJson({ method: 'GET', path: '/v1/sinks' })
  return {
    demo,
    person,
    reader,
    sinks: sinkList.parse(answer).items,
    async say(publisher, contents) {
      const client = await openAs({ subject: publisher, scope: 'write', publisher })
      return await publish(client, { publisher, userId: person.userId, contents, config })
    },
  }
}
