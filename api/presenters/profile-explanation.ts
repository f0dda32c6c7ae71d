import { z } from 'zod'
import { displays, publisherNames } from '../../core/profile/document.ts'
import type { AttributeExplanation } from '../../core/profile/explain.ts'
import { explainSink, type SinkRecord } from '../../core/profile/explain-sink.ts'
import type { KnownPerson } from '../../db/profile/history.ts'

const publisher = z.enum(publisherNames)
const serial = z.int().nullable()

/** Why a person's record is as it is, here and at every sink. */
export const explanationSchema = z.object({
  uuid: z.string(),
  version: z.int(),
  serial: z.int().describe('Of the newest change'),
  updatedAt: z.iso.datetime(),
  deletedAt: z.iso.datetime().nullable(),
  attributes: z.array(
    z.object({
      name: z.string(),
      publisher: publisher.describe('Whose change it was'),
      signedBy: publisher,
      rule: z
        .enum(['create', 'update', 'audience', 'state', 'server'])
        .describe(
          'create: it was null and the publisher may set it; update: the publisher may change it; ' +
            'audience: the person chose another audience; state: a source may say alone whether ' +
            'somebody is active; server: only the service writes it',
        ),
      mayChange: z.array(publisher),
      display: z.enum(displays).nullable(),
      verified: z.boolean(),
      serial: serial.describe('Of the change'),
      since: z.string(),
    }),
  ),
  sinks: z.array(
    z.object({
      name: z.string(),
      serial: serial.describe('Of what is there'),
      version: z.int().nullable(),
      state: z.enum(['current', 'pending', 'failed', 'superseded', 'outside']),
      attempts: z.int(),
      error: z.object({ code: z.string() }).optional(),
      why: z.string(),
    }),
  ),
})

/** What the documentation shows of an explanation. */
export const explanationExample = {
  uuid: 'd0224f82-9d7b-595c-ad37-f56feebd751a',
  version: 2,
  serial: 4711,
  updatedAt: '2026-03-02T14:00:00.000Z',
  deletedAt: null,
  attributes: [
    {
      name: 'staff_information.title',
      publisher: 'hris',
      signedBy: 'hris',
      rule: 'update',
      mayChange: ['hris'],
      display: 'staff',
      verified: true,
      serial: 4711,
      since: '2026-03-02T14:00:00.000Z',
    },
  ],
  sinks: [
    {
      name: 'directory',
      serial: 4700,
      version: 1,
      state: 'pending',
      attempts: 2,
      error: { code: 'ldap_unavailable' },
      why: 'change 4711 is tried again after 2 attempts (ldap_unavailable)',
    },
  ],
}

export type Explanation = {
  readonly person: KnownPerson
  readonly attributes: readonly AttributeExplanation[]
  readonly sinks: readonly SinkRecord[]
}

/** An explanation as callers see it. */
export function presentExplanation({ person, attributes, sinks }: Explanation): object {
  return {
    uuid: person.uuid,
    version: person.version,
    serial: person.serial,
    updatedAt: person.updatedAt.toISOString(),
    deletedAt: person.deletedAt?.toISOString() ?? null,
    attributes,
    sinks: sinks.map(presentSink),
  }
}

function presentSink(record: SinkRecord): object {
  const { sink, held, delivery } = record
  const code = delivery?.errorCode ?? undefined
  return {
    name: sink,
    serial: held?.serial ?? null,
    version: held?.version ?? null,
    attempts: delivery?.attempts ?? 0,
    ...(code !== undefined && { error: { code } }),
    ...explainSink(record),
  }
}
