import { readUrl } from '../core/url.ts'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { mayBeDirectory } from './values.ts'

/** What `BLOB_URL` says: a local directory, or a bucket without its credentials. */
export type BlobLocation =
  | { readonly kind: 'file'; readonly directory: string }
  | {
      readonly kind: 's3'
      readonly bucket: string
      readonly prefix: string
      readonly endpoint: string | undefined
      readonly region: string
      readonly pathStyle: boolean
    }

const FORM =
  'must be file:<directory> or s3://<bucket>/<prefix>?endpoint=<url>&region=<name>&pathStyle=true'

const s3Query = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  region: z.string().min(1).default('us-east-1'),
  pathStyle: z.enum(['true', 'false']).default('false'),
})

/** Reads `BLOB_URL`: `file:` with a path, or `s3://bucket/prefix?endpoint=…&region=…&pathStyle=true`. */
export const blobUrl = z.string().transform((text, context): BlobLocation => {
  const location = parseBlobUrl(text)
  if (!location) context.addIssue({ code: 'custom', message: FORM })
  else if (location.kind === 's3' || mayBeDirectory(location.directory)) return location
  else context.addIssue({ code: 'custom', message: 'must name a directory' })
  return z.NEVER
})

function parseBlobUrl(text: string): BlobLocation | undefined {
  if (text.startsWith('file:')) return parseFileUrl(text)
  const url = readUrl(text)
  if (url?.protocol !== 's3:' || !/^[a-z0-9][a-z0-9.-]{1,62}$/.test(url.host)) return undefined
  const query = s3Query.safeParse(Object.fromEntries(url.searchParams))
  const prefix = decodePath(url.pathname)
  if (!query.success || prefix === undefined) return undefined
  return {
    kind: 's3',
    bucket: url.host,
    prefix: prefix.replaceAll(/^\/+|\/+$/g, ''),
    endpoint: query.data.endpoint,
    region: query.data.region,
    pathStyle: query.data.pathStyle === 'true',
  }
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function parseFileUrl(text: string): BlobLocation | undefined {
  const path = text.slice('file:'.length)
  if (path === '') return undefined
  try {
    return { kind: 'file', directory: path.startsWith('//') ? fileURLToPath(text) : resolve(path) }
  } catch {
    return undefined
  }
}
