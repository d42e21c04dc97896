// Who is signed in. The key lives in this tab's session storage and nowhere else: not in the address,
// not in a cookie, and it is gone with the tab.

const KEY = "rollcall.key";

let workspace = null;

export const session = {
  get key() {
    return sessionStorage.getItem(KEY);
  },
  /** The workspace of the key: { id, name, scopes }; null before it is known. */
  get workspace() {
    return workspace;
  },
  begin(key, of) {
    sessionStorage.setItem(KEY, key);
    workspace = of;
  },
  end() {
    sessionStorage.removeItem(KEY);
    workspace = null;
  },
  /** Whether the key is good for something; `admin` includes everything but `operator`. */
  may(scope) {
    const scopes = workspace?.scopes ?? [];
    return scopes.includes(scope) || (scope !== "operator" && scopes.includes("admin"));
  },
};
