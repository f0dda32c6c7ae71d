import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { startLocalServer } from '../../cli/demo/stand-ins/http-server.ts'
import { createScimListener } from '../../cli/demo/stand-ins/scim.ts'
import type { Intercept } from '../../cli/sample-district/server.ts'

/** In every name, user name and e-mail of a person. */
export const PERSON_WORD = 'quokka'
/** In passwords, addresses and names of guardians, and in phones, as the stand-ins write them. */
export const SECRET_WORDS = ['canary-', '202-555-01'] as const

const NAMES: ReadonlySet<string> = new Set(['first', 'last', 'givenName', 'familyName'])
const ADDRESSES: ReadonlySet<string> = new Set(['email', 'username', 'district_username'])
const LEADING = 'Quokka'

/** Answers as the stand-in does, with the word in what tells who somebody is. */
export const markPeople: Intercept = (_, answer) => {
  const { body, ...rest } = answer()
  const marked = JSON.stringify(body, (key, value: unknown) => {
    if (typeof value !== 'string' || value === '') return value
    if (NAMES.has(key)) return `${LEADING}${value}`
    return ADDRESSES.has(key) ? `${PERSON_WORD}.${value}` : value
  })
  return { ...rest, body: JSON.parse(marked) as unknown }
}

/** Fails for every collection of people, with what they are in the answer. */
export const failWithPeople: Intercept = (request, answer) => {
  if (!/users|students|teachers/.test(request.path)) return markPeople(request, answer)
  return { status: 500, body: `<html>${JSON.stringify(markPeople(request, answer))}</html>` }
}

export type TellingScim = {
  readonly url: string
  readonly token: string
  readonly close: () => Promise<void>
}

/** A SCIM target that refuses every seventh person whom it is to make, and repeats who that is. */
export async function startTellingScim(): Promise<TellingScim> {
  const token = 'canary-token-of-a-target'
  const { listen } = createScimListener(token, { bulk: false })
  let made = 0
  const refuse = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const detail = await text(request)
    response.writeHead(400, { 'content-type': 'application/scim+json' })
    response.end(JSON.stringify({ status: '400', scimType: 'invalidValue', detail }))
  }
  const listener: RequestListener = (request, response) => {
    const isCreation = request.method === 'POST' && request.url?.endsWith('/Users')
    if (isCreation) made += 1
    if (isCreation && made % 7 === 0) void refuse(request, response)
    else listen(request, response)
  }
  const { url, close } = await startLocalServer(listener)
  return { url: `${url}/scim/v2`, token, close }
}
