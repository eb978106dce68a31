internal import COpenSSL

/// The certificates of a server that has several names: the client says which it wants (SNI).
@safe public final class TLSServerNames: Sendable {
    /// For a client that names none of the server's names, or none at all.
    let fallback: TLSServerContext
    private let contexts: [String: TLSServerContext]

    /// Takes the context for clients that name nobody else, and those of names in lower case.
    ///
    /// `fallback` belongs to this object alone from now on.
    public init(fallback: TLSServerContext, names: [String: TLSServerContext]) {
        self.fallback = fallback
        contexts = names
        let callback: @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32
        unsafe callback = { ssl, _, names in
            guard let ssl = unsafe ssl, let names = unsafe names,
                let asked = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
            else { return SSL_TLSEXT_ERR_OK }
            // Every session of the context is an engine's, and the engine keeps this object.
            let known = unsafe Unmanaged<TLSServerNames>.fromOpaque(names).takeUnretainedValue()
            if let context = known.contexts[unsafe String(cString: asked).lowercased()] {
                unsafe SSL_set_SSL_CTX(ssl, context.pointer)
            }
            return SSL_TLSEXT_ERR_OK
        }
        unsafe wardpost_context_ask_name(
            fallback.pointer,
            callback,
            Unmanaged.passUnretained(self).toOpaque()
        )
    }
}
