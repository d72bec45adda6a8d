# libsodium 1.0.18 without its own sources of randomness: crypto/ installs an implementation
# (randombytes_set_implementation) before sodium_init(). Its Emscripten one would need EM_ASM.
set(DIR ${MESHTERM_DEPS}/libsodium/src/libsodium)
file(GLOB_RECURSE SOURCES ${DIR}/*.c)
list(FILTER SOURCES EXCLUDE REGEX "/randombytes/(sysrandom|internal)/")
list(APPEND SOURCES ${CMAKE_CURRENT_LIST_DIR}/libsodium_base_point.c)
file(READ ${MESHTERM_DEPS}/libsodium/builds/msvc/version.h VERSION_H)
string(REPLACE "\"export.h\"" "\"sodium/export.h\"" VERSION_H "${VERSION_H}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/third_party/libsodium/sodium/version.h CONTENT "${VERSION_H}" @ONLY)
third_party(libsodium COLD SOURCES ${SOURCES}
    INCLUDES ${DIR}/include ${CMAKE_BINARY_DIR}/third_party/libsodium
    PRIVATE_INCLUDES ${DIR}/include/sodium ${CMAKE_BINARY_DIR}/third_party/libsodium/sodium
    DEFINES SODIUM_STATIC
    PRIVATE_DEFINES CONFIGURED=1 NATIVE_LITTLE_ENDIAN=1 HAVE_STDINT_H=1
        RANDOMBYTES_CUSTOM_IMPLEMENTATION RANDOMBYTES_DEFAULT_IMPLEMENTATION=NULL)
set_source_files_properties(${DIR}/randombytes/randombytes.c PROPERTIES COMPILE_OPTIONS -U__EMSCRIPTEN__)
# Cold, for its Ed25519 is used once a session and large; these three see every packet that the
# kernel in crypto/ does not take.
set_source_files_properties(${DIR}/crypto_stream/chacha20/ref/chacha20_ref.c
    ${DIR}/crypto_onetimeauth/poly1305/donna/poly1305_donna.c
    ${DIR}/crypto_scalarmult/curve25519/ref10/x25519_ref10.c
    PROPERTIES COMPILE_OPTIONS "${HOT_FLAGS}")
# Whoever multiplies the base point; libsodium_base_point.c says why.
set_source_files_properties(${DIR}/crypto_sign/ed25519/ref10/keypair.c
    ${DIR}/crypto_sign/ed25519/ref10/sign.c ${DIR}/crypto_scalarmult/curve25519/ref10/x25519_ref10.c
    PROPERTIES COMPILE_DEFINITIONS ge25519_scalarmult_base=ge25519_scalarmult_base_point)
