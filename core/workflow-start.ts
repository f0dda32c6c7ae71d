/** The task queue of everything that has none of its own. */
export const registrarQueue = 'registrar'

/** The task queue of licenses' ingests: heavy ones keep nothing else from its work. */
export const ingestQueue = 'ingest'

/** The task queue of rosters' syncs: a slow school system keeps no others from their work. */
export const rosterQueue = 'roster'

/** Search attributes that runs carry, all of them keywords; never personal data. */
export const searchAttributeNames = [
  'RegistrarDomain',
  'RegistrarCompact',
  'RegistrarJurisdiction',
  'RegistrarRequestId',
] as const
export type SearchAttributeName = (typeof searchAttributeNames)[number]

/** A workflow to be started, or signalled and started when it does not run: ids and hashes only. */
export type WorkflowStart = {
  readonly workflowId: string
  readonly workflowType: string
  readonly taskQueue: string
  /** The workflow's one argument. */
  readonly input: Readonly<Record<string, unknown>>
  /** One line that operators see, without personal data. */
  readonly summary: string
  readonly requestId: string
  /** Of the request, where it is traced (W3C Trace Context): the run's spans join its trace. */
  readonly traceparent?: string | undefined
  readonly searchAttributes?: Readonly<Partial<Record<SearchAttributeName, string>>>
  /** May arrive twice when a process dies between sending and noting it: the handler must be idempotent. */
  readonly signal?: { readonly name: string; readonly input: unknown }
  /** Signals of one run with this key ask for the same: the newest of them will do for those before. */
  readonly mergeKey?: string
}
