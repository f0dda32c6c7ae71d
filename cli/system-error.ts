const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of the path is no directory',
  EISDIR: 'it is a directory',
  EEXIST: 'it is there already',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
}

/** What the system refused about a file, for people; undefined for everything else. */
export function describeSystemError(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, path } = error as Partial<NodeJS.ErrnoException> // whether it is one shows below
  const reason = code === undefined ? undefined : REASONS[code]
  return reason === undefined || path === undefined ? undefined : `Cannot use "${path}": ${reason}`
}
