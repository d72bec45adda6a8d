# libssh2 1.11.1, unpatched, on the crypto backend of wasm/ssh: libssh2_config.h, which every source
# includes first, brings crypto_backend.h in ahead of libssh2's own mbedtls.h.
set(DIR ${MESHTERM_DEPS}/libssh2)
if(NOT EXISTS ${WASM_DIR}/ssh/crypto_backend.h)
    message(WARNING "wasm/ssh/crypto_backend.h is not there yet: libssh2 is left out")
    add_library(libssh2 INTERFACE)
    target_include_directories(libssh2 SYSTEM INTERFACE ${DIR}/include)
    function(libssh2_private_headers TARGET)
    endfunction()
    return()
endif()
file(GLOB SOURCES ${DIR}/src/*.c)
list(FILTER SOURCES EXCLUDE REGEX "/src/(mbedtls|openssl|libgcrypt|wincng|os400qc3|agent|agent_win|crypto|chacha|poly1305|cipher-chachapoly)\\.c$")
third_party(libssh2 COLD PARSER SOURCES ${SOURCES}
    INCLUDES ${DIR}/include
    PRIVATE_INCLUDES ${WASM_DIR}/ssh ${WASM_DIR} ${DIR}/src
    PRIVATE_DEFINES LIBSSH2_MBEDTLS HAVE_CONFIG_H)
# No assert on what a server sent: libssh2 has an error for each of them, and an abort would end the module.
target_compile_definitions(libssh2 PRIVATE NDEBUG)
# Every received packet passes ssh_libssh2.c on its way from transport.c to packet.c; and the one memcmp in
# there, of the HMAC that came with the one that should have, takes the same time wherever they differ.
set_source_files_properties(${DIR}/src/transport.c PROPERTIES COMPILE_OPTIONS "${WARM_FLAGS}"
    COMPILE_DEFINITIONS "_libssh2_packet_add=ssh_libssh2_packet_add;memcmp=ssh_libssh2_memcmp")
# Host keys may be certificates: ssh_host_cert.c adds them to the methods that a key exchange knows.
set_source_files_properties(${DIR}/src/kex.c PROPERTIES
    COMPILE_DEFINITIONS "libssh2_hostkey_methods=ssh_host_cert_methods")
# The two need each other: libssh2 calls the backend, which lies in core_ssh.
target_link_libraries(libssh2 PRIVATE mbedtls libsodium core_ssh)
# kex.c > ssh_host_cert.c > hostkey.c > crypto_backend*.c: once more round than a cycle gets by itself.
set_target_properties(libssh2 PROPERTIES LINK_INTERFACE_MULTIPLICITY 3)
# ssh/ sees libssh2's private headers, with the definitions libssh2 itself is compiled with.
function(libssh2_private_headers TARGET)
    target_include_directories(${TARGET} SYSTEM PRIVATE ${MESHTERM_DEPS}/libssh2/src ${WASM_DIR}/ssh)
    target_compile_definitions(${TARGET} PRIVATE LIBSSH2_MBEDTLS HAVE_CONFIG_H)
endfunction()
