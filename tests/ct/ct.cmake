# ct: our crypto under valgrind (ct/ct.c), compiled as it is shipped: by clang, with the optimization
# of the wasm build. Built by name only, since it needs valgrind's header.
set(CT_WRAPPED bytes_equal bytes_are_zero hex_decode base64_decode crypto_verify_16
    crypto_scalarmult_curve25519 aead_open xaead_open box_open)
list(TRANSFORM CT_WRAPPED PREPEND "-Wl,--wrap=")
add_executable(ct EXCLUDE_FROM_ALL ${TESTS_DIR}/ct/ct.c ${TESTS_DIR}/ct/declassify.c
               ${WASM_DIR}/control/control_noise.c ${WASM_DIR}/control/control_text.c)
test_links(ct wg)
target_link_libraries(ct PRIVATE core_disco core_wg core_noise core_crypto)
target_link_options(ct PRIVATE ${CT_WRAPPED})
