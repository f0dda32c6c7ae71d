import { msToTs } from '@temporalio/common/lib/time.js'
import proto from '@temporalio/proto'
import type { Logger } from '../config/log.ts'
import { isAppError } from '../core/errors.ts'
import { searchAttributeNames } from '../core/workflow-start.ts'
import type { TemporalClient } from '../connectors/temporal.ts'

const RETENTION = '7 days'
const { INDEXED_VALUE_TYPE_KEYWORD } = proto.temporal.api.enums.v1.IndexedValueType

// These pass: a new namespace is not known everywhere at once.
const PASSING: ReadonlySet<string> = new Set(['temporal_unavailable', 'namespace_not_found'])

/**
 * Makes sure that our namespace and search attributes exist. What we are not allowed to register is
 * logged with its remedy and left. Throws `temporal_unavailable` where no server answers, and
 * `namespace_not_found` while the server does not know its new namespace everywhere.
 */
export async function registerWithTemporal(temporal: TemporalClient, log: Logger): Promise<void> {
  await registerNamespace(temporal, log)
  await registerSearchAttributes(temporal, log)
}

async function registerNamespace(temporal: TemporalClient, log: Logger): Promise<void> {
  const { namespace } = temporal
  if (await hasNamespace(temporal)) return
  await tolerate(log, `temporal operator namespace create -n ${namespace}`, async () => {
    await temporal.call(async ({ workflowService }) => {
      await workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: msToTs(RETENTION),
      })
    })
    log.info({ namespace, retention: RETENTION }, 'Registered the Temporal namespace')
  })
}

async function hasNamespace(temporal: TemporalClient): Promise<boolean> {
  try {
    await temporal.call(async ({ workflowService }) => {
      await workflowService.describeNamespace({ namespace: temporal.namespace })
    })
    return true
  } catch (error) {
    if (isAppError(error, 'namespace_not_found')) return false
    // Whoever may not look may still work there.
    if (isAppError(error, 'temporal_refused')) return true
    throw error
  }
}

async function registerSearchAttributes(temporal: TemporalClient, log: Logger): Promise<void> {
  const { namespace } = temporal
  const names = searchAttributeNames.map((name) => `--name ${name} --type Keyword`).join(' ')
  const remedy = `temporal operator search-attribute create -n ${namespace} ${names}`
  await tolerate(log, remedy, async () => {
    const missing = await listMissingSearchAttributes(temporal)
    if (missing.length === 0) return
    const searchAttributes = Object.fromEntries(
      missing.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD]),
    )
    await temporal.call(async (client) => {
      await client.connection.operatorService.addSearchAttributes({ namespace, searchAttributes })
    })
    log.info({ namespace, searchAttributes: missing }, 'Registered search attributes')
  })
}

async function listMissingSearchAttributes(temporal: TemporalClient): Promise<string[]> {
  const { customAttributes } = await temporal.call(
    async ({ connection }) =>
      await connection.operatorService.listSearchAttributes({ namespace: temporal.namespace }),
  )
  return searchAttributeNames.filter((name) => !Object.hasOwn(customAttributes, name))
}

// Temporal Cloud and locked-down clusters leave these to their administrators; a race is no fault.
async function tolerate(log: Logger, remedy: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isAppError(error) || PASSING.has(error.code)) throw error
    if (error.code === 'temporal_conflict') return
    log.warn({ code: error.code, remedy }, 'Cannot register with Temporal; go on without')
  }
}
