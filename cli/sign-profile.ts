import type { Config } from '../config/config.ts'
import { createLogger } from '../config/log.ts'
import { watchPublishers } from '../config/publishers-file.ts'
import { AppError } from '../core/errors.ts'
import { leafPaths } from '../core/profile/attributes.ts'
import {
  contentOf,
  findAttribute,
  withAttributes,
  type PartialProfile,
  type PublisherName,
} from '../core/profile/document.ts'
import { signAttribute } from '../crypto/profile-signature.ts'

export type ProfileSigning = { readonly publisher: PublisherName; readonly config: Config }

/**
 * Signs every attribute that is set with the publisher's key of `PUBLISHERS_FILE`; what is null is
 * never signed. Throws `no_key` where that file has no private key of it.
 */
export async function signProfile(
  document: PartialProfile,
  { publisher, config }: ProfileSigning,
): Promise<PartialProfile> {
  const log = createLogger({ level: 'warn', name: 'sign', pretty: false })
  const watched = await watchPublishers(config, log)
  const signer = (await watched.current()).findSigner(publisher, new Date())
  watched.close()
  if (!signer) {
    throw new AppError(
      'no_key',
      `Cannot sign: PUBLISHERS_FILE has no private key of "${publisher}"`,
      { status: 400 },
    )
  }
  const set = leafPaths.flatMap((path) => {
    const attribute = findAttribute(document, path)
    return attribute && contentOf(attribute) !== null ? [[path, attribute] as const] : []
  })
  const signed = await Promise.all(
    set.map(async ([path, attribute]) => [path, await signAttribute(attribute, signer)] as const),
  )
  return withAttributes(document, new Map(signed))
}
