/** Whose token a client has. */
export type DemoPerson = { readonly subject: string; readonly scope: string }
