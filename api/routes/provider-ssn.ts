import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { getRow, withTransaction } from '../../db/client.ts'
import { bookSsnRead, findSsnCipher } from '../../db/ssn-reads.ts'
import { defineRoute } from '../guard.ts'
import { holdsSomewhere, mayReadSsn } from '../policies/provider.ts'
import { principalKey } from '../principal.ts'
import type { Principal } from '../principal.ts'
import type { ApiContext } from '../context.ts'
import { getCompact, getView } from '../provider-views.ts'
import { placeOf, providerParams, throwForbidden, type ProviderPath } from './providers.ts'

const READS = 5
const WINDOW_SECONDS = 86_400

/** `GET …/providers/{providerId}/ssn`: one whole SSN, counted and audited before it is answered. */
export const getProviderSsn = defineRoute(
  {
    method: 'GET',
    path: '/v1/compacts/{compact}/providers/{providerId}/ssn',
    operationId: 'getProviderSsn',
    summary: "Reads a provider's SSN",
    description:
      'Needs `{compact}/{compact}.readSSN`, or `{compact}/{j}.readSSN` with a jurisdiction where ' +
      'the provider has a license or a privilege. Five reads in 24 hours per user, over all ' +
      'providers; every read is audited.',
    tags: ['providers'],
    auth: 'token',
    params: providerParams,
    responses: {
      200: {
        description: 'The SSN',
        schema: z.object({ providerId: z.uuid(), ssn: z.string() }),
        example: { providerId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42', ssn: '123-45-6789' },
      },
    },
    errors: {
      403: 'The token may not read this SSN',
      404: 'The compact has no such provider',
      429: 'Five SSNs were read in the last 24 hours; `Retry-After` tells when the next may be',
    },
  },
  async ({ principal, params, requestId }, context) => {
    await assertMayReadSsn(principal, params, context)
    const ssn = await readSsn({ principal, params, requestId }, context)
    return { status: 200, body: { providerId: params.providerId, ssn } }
  },
)

async function assertMayReadSsn(
  principal: Principal,
  path: ProviderPath,
  { config, db, clock }: ApiContext,
): Promise<void> {
  if (!holdsSomewhere(principal, path.compact, 'readSSN'))
    throwForbidden(`it needs the scope "${path.compact}/${path.compact}.readSSN"`)
  const compact = getCompact(config.compacts, path.compact)
  const view = await getView(db, path.providerId, { compact, now: clock() })
  if (!mayReadSsn(principal, placeOf(view)))
    throwForbidden('the provider has no license or privilege in a jurisdiction of its scopes')
}

type SsnRequest = {
  readonly principal: Principal
  readonly params: ProviderPath
  readonly requestId: string
}

async function readSsn(request: SsnRequest, { db, cipher }: ApiContext): Promise<string> {
  const { principal, params, requestId } = request
  return await withTransaction(db, async (tx) => {
    const wait = await bookSsnRead(tx, {
      principal: principalKey(principal),
      providerId: params.providerId,
      limit: READS,
      windowSeconds: WINDOW_SECONDS,
    })
    if (wait !== undefined) throwTooManyReads(wait)
    const found = await findSsnCipher(tx, params)
    const encrypted = getRow(
      found ? [found] : [],
      `Cannot find the SSN of provider "${params.providerId}"`,
    )
    await appendAudit(tx, [
      {
        actor: principal.subject,
        action: 'ssn.read',
        subject: { type: 'provider', id: params.providerId },
        cause: { requestId },
      },
    ])
    return cipher.decrypt(encrypted, `ssn:${params.compact}`).toString('utf8')
  })
}

function throwTooManyReads(retryAfterSeconds: number): never {
  throw new AppError(
    'too_many_ssn_reads',
    `Cannot read another SSN: ${READS} were read in the last 24 hours`,
    { status: 429, retryAfterSeconds },
  )
}
