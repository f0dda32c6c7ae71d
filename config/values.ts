import { readUrl } from '../core/url.ts'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { z } from 'zod'
import { isEmailAddress } from '../core/license/email-address.ts'

type Context = z.RefinementCtx

/** A whole number in decimal digits within bounds. */
export function integer(min: number, max: number): z.ZodType<number, string> {
  const message = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
}

/** `true` or `false`; `1` and `0` too. */
export const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((text) => text === 'true' || text === '1')

/** An absolute URL with one of these schemes, kept as it was written. */
export function url(...schemes: string[]): z.ZodType<string, string> {
  const isFit = (text: string): boolean =>
    schemes.includes(readUrl(text)?.protocol.slice(0, -1) ?? '')
  return z.string().refine(isFit, `must be a URL that starts with ${schemes.join(':// or ')}://`)
}

/** A name or address to listen on. */
export const host = z
  .string()
  .refine((text) => isIP(text) !== 0 || isHostName(text), 'must be a host name or an IP address')

// What ends in a number is meant as an address (WHATWG URL, "ends in a number").
function isHostName(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) && !/(^|\.)\d+$/.test(text)
}

/** `host:port`, the host in brackets where it is IPv6. */
export const address = z.string().refine((text) => {
  const [, port] = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text) ?? []
  return port !== undefined && Number(port) > 0 && Number(port) < 65_536
}, 'must be host:port, such as 127.0.0.1:7233')

/** A comma-separated list of CIDRs; a bare address stands for itself alone. */
export const cidrList = z.string().transform((text, context: Context): string[] => {
  const parts = text.split(',').map((part) => part.trim())
  const faulty = parts.filter((part) => !isCidr(part))
  if (faulty.length === 0) return parts.map(withPrefix)
  const names = faulty.map((part) => `"${part}"`).join(', ')
  context.addIssue({ code: 'custom', message: `must be CIDRs such as 10.0.0.0/8, not ${names}` })
  return z.NEVER
})

/** The path of a program that this process may run. */
export const executableFile = z.string().refine(isExecutableFile, 'must be an executable file')

/** The path of a directory, which may be missing yet. */
export const directory = z.string().refine(mayBeDirectory, 'must be a directory')

/** An e-mail address, bare or as `Name <address>`. */
export const mailAddress = z
  .string()
  .refine(
    (text) => isEmailAddress(/^[^<>]*<([^<>]+)>$/.exec(text)?.[1] ?? text),
    'must be an e-mail address, or "Name <address>"',
  )

/** A JSON document given as text. */
export const jsonText = z.string().transform(parseJson)

/** The path of a file with one line, as secrets are mounted; read at once. */
export const textFile = z.string().transform((path, context: Context): string => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException // fs throws these only
    context.addIssue({ code: 'custom', message: `cannot be read (${code})` })
    return z.NEVER
  }
})

/** The path of a JSON document, read at once. */
export const jsonFile = textFile.transform(parseJson)

/** A value that a function of ours judges: it lists the faults, and none means that it is a `T`. */
export function judgedBy<T>(listFaults: (value: unknown) => readonly string[]): z.ZodType<T> {
  return z.unknown().transform((value, context: Context) => {
    for (const message of listFaults(value)) context.addIssue({ code: 'custom', message })
    return value as T // no fault was found
  })
}

/** False where something else is in the place of the directory, or of one above it. */
export function mayBeDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOTDIR' // fs throws these only
  }
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function parseJson(text: string, context: Context): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    context.addIssue({ code: 'custom', message: 'is not valid JSON' })
    return z.NEVER
  }
}

function isCidr(text: string): boolean {
  const [ip = '', prefix, ...rest] = text.split('/')
  const version = isIP(ip)
  if (version === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)
}

function withPrefix(text: string): string {
  if (text.includes('/')) return text
  return `${text}/${isIP(text) === 4 ? 32 : 128}`
}
