// What the OpenSSL module sees of libssl and libcrypto 3.0. Only what Swift's importer cannot read stands here as a
// function: function-like macros, and constants whose C type is wider than Swift can guess.
#pragma once
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// BIO_get_mem_data is a macro over BIO_ctrl.
static inline long wardpost_bio_memory(BIO *bio, char **data) {
    return BIO_get_mem_data(bio, data);
}

// BIO_set_mem_eof_return is a macro: what an empty buffer answers to a read. -1 means "nothing yet", 0 "the end".
static inline void wardpost_bio_set_empty_answer(BIO *bio, int answer) {
    BIO_set_mem_eof_return(bio, answer);
}

// ERR_GET_REASON is a static inline function over constants that Swift imports with another type.
static inline int wardpost_err_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}

// ERR_GET_LIB, for the same cause.
static inline int wardpost_err_library(unsigned long code) {
    return ERR_GET_LIB(code);
}

// EVP_EC_gen is a variadic macro over EVP_PKEY_Q_keygen.
static inline EVP_PKEY *wardpost_generate_p256(void) {
    return EVP_EC_gen("P-256");
}

// EVP_RSA_gen is a variadic macro over EVP_PKEY_Q_keygen.
static inline EVP_PKEY *wardpost_generate_rsa(unsigned int bits) {
    return EVP_RSA_gen(bits);
}

// EVP_PKEY_Q_keygen is variadic.
static inline EVP_PKEY *wardpost_generate_ed25519(void) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

// OPENSSL_free is a macro that notes the caller's file and line.
static inline void wardpost_free(void *memory) {
    OPENSSL_free(memory);
}

// SSL_OP_NO_COMPRESSION and its neighbours are expressions over a cast, which Swift does not import.
static inline void wardpost_context_refuse_renegotiation_and_compression(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

// A connection without work keeps no buffers for records: 34 KB each.
static inline void wardpost_context_release_buffers(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

// SSL_OP_NO_TICKET, for the same cause.
static inline void wardpost_context_refuse_tickets(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
}

// SSL_CTX_set_min_proto_version is a macro over SSL_CTX_ctrl.
static inline int wardpost_context_set_minimum(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

// SSL_CTX_set_max_proto_version is a macro over SSL_CTX_ctrl.
static inline int wardpost_context_set_maximum(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

// SSL_CTX_set1_groups_list is a macro over SSL_CTX_ctrl.
static inline int wardpost_context_set_groups(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_groups_list(context, names);
}

// SSL_CTX_set1_sigalgs_list is a macro over SSL_CTX_ctrl.
static inline int wardpost_context_set_signature_algorithms(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_sigalgs_list(context, names);
}

// SSL_CTX_set_session_cache_mode is a macro over SSL_CTX_ctrl.
static inline void wardpost_context_keep_no_sessions(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

// The same macro: sessions are handed to a callback and kept nowhere else.
static inline void wardpost_context_hand_sessions_out(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

// SSL_get_extms_support is a macro over SSL_ctrl.
static inline int wardpost_has_extended_master_secret(SSL *ssl) {
    return (int)SSL_get_extms_support(ssl) == 1;
}

// XN_FLAG_RFC2253 is an expression over casts, which Swift does not import.
static inline int wardpost_print_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}

// SSL_CTX_add1_chain_cert is a macro over SSL_CTX_ctrl.
static inline int wardpost_context_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// SSL_CTX_set_dh_auto is a macro over SSL_CTX_ctrl. 1 matches the certificate's strength, 2 is 1024 bits.
static inline void wardpost_context_choose_dh(SSL_CTX *context, int choice) {
    SSL_CTX_set_dh_auto(context, choice);
}

// SSL_set_tlsext_host_name is a macro over SSL_ctrl.
static inline int wardpost_set_sni(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// The keys of OSSL_PARAM are string macros, which Swift imports as strings of its own: their C form would be gone before
// the call that reads them. A null key would mean "keep the last one", so an empty key gets an address.
static inline int wardpost_hmac_sha256_init(EVP_MAC_CTX *context, const unsigned char *key, size_t count) {
    char digest[] = "SHA256";
    unsigned char none = 0;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_init(context, key != NULL ? key : &none, count, parameters);
}

// The protocols of a web server in the form of RFC 7301, the one it likes best first.
static inline int wardpost_choose_web_protocol(
    SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered, unsigned int count,
    void *unused
) {
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";
    (void)ssl;
    (void)unused;
    // A client that speaks other protocols only may have been led here (ALPACA): there is no session then.
    return SSL_select_next_proto((unsigned char **)chosen, length, protocols, sizeof protocols - 1, offered, count)
            == OPENSSL_NPN_NEGOTIATED
        ? SSL_TLSEXT_ERR_OK
        : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A pointer to a function of C cannot be taken from a static inline function in Swift.
static inline void wardpost_context_offer_web_protocols(SSL_CTX *context) {
    SSL_CTX_set_alpn_select_cb(context, wardpost_choose_web_protocol, NULL);
}

// SSL_CTX_set_tlsext_servername_callback and its neighbour are macros over SSL_CTX_callback_ctrl and SSL_CTX_ctrl.
static inline void wardpost_context_ask_name(SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    SSL_CTX_set_tlsext_servername_arg(context, argument);
}

// The same string macros: a public key on P-256 from its uncompressed point; NULL if the point is none of the curve.
static inline EVP_PKEY *wardpost_p256_from_point(const unsigned char *point, size_t count) {
    char group[] = "P-256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, count),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1) {
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    }
    EVP_PKEY_CTX_free(context);
    return key;
}
