/** The scopes of people, their logins and their passwords (http-and-security). */
export const userReadScope = 'user:read'
export const userWriteScope = 'user:write'
export const authenticateScope = 'user:authn'
export const registerScope = 'user:register'
export const decideScope = 'approval:vote'
/** May see whose logins wait, and what became of the others. */
export const loginListScopes = ['user:read', 'approval:read', 'approval:vote']
