import { msToTs } from '@temporalio/common/lib/time.js'
import proto from '@temporalio/proto'
import type { Logger } from '../config/log.ts'
import { AppError } from '../core/errors.ts'
import { searchAttributeNames } from '../core/workflow-start.ts'
import type { TemporalClient } from '../connectors/temporal.ts'

const RETENTION = '7 days'
const { INDEXED_VALUE_TYPE_KEYWORD } = proto.temporal.api.enums.v1.IndexedValueType

/**
 * Makes sure that our namespace and search attributes exist. What we are not allowed to register is
 * logged with its remedy and left; a server that does not answer throws `temporal_unavailable`.
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
    if (error instanceof AppError && error.code === 'namespace_not_found') return false
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
    if (!(error instanceof AppError) || error.code === 'temporal_unavailable') throw error
    if (error.code === 'temporal_conflict') return
    log.warn({ code: error.code, remedy }, 'Cannot register with Temporal; go on without')
  }
}
