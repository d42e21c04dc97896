// Which page an address shows. Addresses stand behind the #, and never hold a key.

const routes = [];

/** A page: `path` such as "/campaigns/:id". */
export function route(path, page) {
  routes.push({ parts: path.split("/"), page });
}

/** The page of the address, with its parameters and its query; the first route where there is none. */
export function current() {
  const [path, search = ""] = (location.hash.slice(1) || "/").split("?");
  const parts = path.split("/");
  for (const { parts: wanted, page } of routes) {
    if (wanted.length !== parts.length) continue;
    const parameters = {};
    const fits = wanted.every((part, place) => {
      if (!part.startsWith(":")) return part === parts[place];
      parameters[part.slice(1)] = decodeURIComponent(parts[place]);
      return parts[place] !== "";
    });
    if (fits) return { page, parameters, path, search: new URLSearchParams(search) };
  }
  return { page: routes[0].page, parameters: {}, path: "/", search: new URLSearchParams() };
}

export function go(path) {
  location.hash = path;
}
