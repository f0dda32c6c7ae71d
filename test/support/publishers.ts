import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attributeRules, type LeafPath } from '../../core/profile/attributes.ts'
import {
  withAttributes,
  type Attribute,
  type AttributeMetadata,
  type Profile,
  type PublisherName,
} from '../../core/profile/document.ts'
import { createNullProfile } from '../../core/profile/null-profile.ts'
import { signAttribute } from '../../crypto/profile-signature.ts'
import {
  createPublishers,
  generatePublishersDocument,
  type Publishers,
  type PublishersDocument,
} from '../../crypto/publishers.ts'
import { createTestAttribute, TEST_SALT, type Content } from './profiles.ts'

export type TestPublishers = {
  readonly file: string
  readonly document: PublishersDocument
  readonly publishers: Publishers
  /** A document of signed attributes by dotted path. */
  readonly signAll: (
    publisher: PublisherName,
    contents: Readonly<Record<LeafPath, Content>>,
    metadata?: Partial<AttributeMetadata>,
  ) => Promise<Record<string, unknown>>
  /** A whole profile whose set attributes are signed, all else null. */
  readonly signWhole: (
    publisher: PublisherName,
    contents: Readonly<Record<LeafPath, Content>>,
  ) => Promise<Profile>
  readonly close: () => Promise<void>
}

let shared: Promise<PublishersDocument> | undefined

/** Publishers with keys of their own and the salt of the vectors, in a file for `PUBLISHERS_FILE`. */
export async function createTestPublishers(): Promise<TestPublishers> {
  shared ??= generatePublishersDocument()
  const document = { ...(await shared), salt: TEST_SALT }
  const directory = await mkdtemp(join(tmpdir(), 'registrar-publishers-'))
  const file = join(directory, 'publishers.json')
  await writeFile(file, JSON.stringify(document))
  const publishers = createPublishers(document)
  const signWith = async (publisher: PublisherName, attribute: Attribute): Promise<Attribute> => {
    const signer = publishers.findSigner(publisher, new Date())
    if (!signer) throw new Error(`Cannot sign for ${publisher}: it has no key`)
    return await signAttribute(attribute, signer)
  }
  const signMap: (
    publisher: PublisherName,
    contents: Readonly<Record<LeafPath, Content>>,
    metadata?: Partial<AttributeMetadata>,
  ) => Promise<Map<LeafPath, Attribute>> = async (publisher, contents, metadata) => {
    const entries = Object.entries(contents).map(
      async ([path, content]) =>
        [path, await signWith(publisher, createTestAttribute(path, content, metadata))] as const,
    )
    return new Map(await Promise.all(entries))
  }
  return {
    file,
    document,
    publishers,
    signAll: async (publisher, contents, metadata) =>
      withAttributes({}, await signMap(publisher, contents, metadata)),
    signWhole: async (publisher, contents) =>
      withAttributes(createNullProfile(), await signMap(publisher, contents)),
    close: async () => await rm(directory, { recursive: true, force: true }),
  }
}

/** A content of the leaf's kind; another one for every number. */
export function createContent(path: LeafPath, number: number): Content {
  const rule = attributeRules[path]
  if (!rule) throw new Error(`Cannot make a content of ${path}: there is no such leaf`)
  switch (rule.kind) {
    case 'boolean':
      return number % 2 === 0
    case 'string':
      return `content ${number}`
    case 'values':
    case 'access':
      return { [`name ${number}`]: `content ${number}` }
    default:
      return rule.kind satisfies never
  }
}
