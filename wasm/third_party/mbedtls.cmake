# mbedTLS 3.6.6, its crypto only; configured by wasm/ssh/mbedtls_config.h.
set(DIR ${MESHTERM_DEPS}/mbedtls)
file(GLOB SOURCES ${DIR}/library/*.c)
list(FILTER SOURCES EXCLUDE REGEX "/library/(ssl_|x509|psa_|mps_|net_sockets|debug|pkcs7|lms|lmots|timing)")
third_party(mbedtls COLD SOURCES ${SOURCES}
    INCLUDES ${DIR}/include
    PRIVATE_INCLUDES ${DIR}/library
    DEFINES MBEDTLS_CONFIG_FILE="${WASM_DIR}/ssh/mbedtls_config.h")
