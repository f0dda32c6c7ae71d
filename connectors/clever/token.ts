import { AppError } from '../../core/errors.ts'
import { unwrap } from '../../core/roster/clever.ts'
import { fieldsOf, listOf, textOf } from '../../core/roster/fields.ts'
import type { SourceAuth } from '../../core/roster/provider.ts'
import type { HttpClient } from '../http/client.ts'
import type { HttpAnswer } from '../http/exchange.ts'
import { readObject } from '../roster/answer.ts'

const WHAT = 'look up the token of the district'

/**
 * The token of a district, found by `GET /oauth/tokens?owner_type=district` with the client's
 * credentials; the only one where no district is named. Throws `source_unauthorized` where they are
 * refused, or give none for this district.
 */
export async function fetchDistrictToken(
  auth: Extract<SourceAuth, { readonly type: 'client_credentials' }>,
  { http, signal }: { readonly http: HttpClient; readonly signal: AbortSignal },
): Promise<string> {
  const url = new URL(auth.tokenUrl)
  url.searchParams.set('owner_type', 'district')
  const credentials = Buffer.from(`${auth.clientId}:${auth.clientSecret}`).toString('base64')
  const answer = await http.send({
    url: url.href,
    headers: { authorization: `Basic ${credentials}`, accept: 'application/json' },
    signal,
  })
  if (answer.status === 401 || answer.status === 403) throwRefused()
  return findToken(answer, auth.districtId) ?? throwRefused()
}

// A client of one district need not name it.
function findToken(answer: HttpAnswer, districtId: string | undefined): string | undefined {
  const entries = listOf(readObject(answer, WHAT), 'data').map(unwrap)
  const matching = entries.filter((entry) => {
    const id = textOf(fieldsOf(entry, 'owner'), 'id')
    return districtId === undefined || id === districtId
  })
  const [first, ...others] = matching
  const isClear = first !== undefined && (districtId !== undefined || others.length === 0)
  return isClear ? textOf(first, 'access_token') : undefined
}

function throwRefused(): never {
  throw new AppError(
    'source_unauthorized',
    `Cannot ${WHAT}: the client's credentials are refused, or give none for it`,
    { status: 401 },
  )
}
