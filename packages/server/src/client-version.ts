/** The version of npm socket.io-client whose bundles are served: it is their ETag. */
export const clientVersion = "4.8.4";
