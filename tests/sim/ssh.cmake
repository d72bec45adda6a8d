# What the tests of ssh/ share: a server in memory, linked into each of them; and ssh_drive, a session
# on a real socket for tests/interop/ssh_native.test.mjs.
file(GLOB MINI_SERVER CONFIGURE_DEPENDS ${TESTS_DIR}/support/ssh/mini_*.c)
set(SSH_WORLD ${MINI_SERVER} ${TESTS_DIR}/support/ssh/ssh_world.c)
foreach(TEST unit_ssh_ssh_session unit_ssh_ssh_session_flow unit_ssh_ssh_auth_session
        unit_ssh_ssh_channels unit_ssh_ssh_channels_flow unit_ssh_ssh_agent unit_ssh_ssh_hostile
        unit_ssh_ssh_hostkey unit_ssh_ssh_host_cert unit_ssh_ssh_kex unit_ssh_ssh_rekey
        unit_ssh_ssh_misorder unit_ssh_ssh_window fuzz_ssh fuzz_ssh_packets planted_ssh
        planted_ssh_packets)
    if(TARGET ${TEST})
        target_sources(${TEST} PRIVATE ${SSH_WORLD})
    endif()
endforeach()
foreach(TEST unit_ssh_crypto_backend unit_ssh_ssh_channels unit_ssh_ssh_channels_flow
        unit_ssh_ssh_hostile unit_ssh_ssh_hostkey unit_ssh_ssh_kex unit_ssh_ssh_rekey unit_ssh_ssh_misorder
        unit_ssh_ssh_window fuzz_ssh_packets planted_ssh planted_ssh_packets
        planted_ssh_host_cert)
    if(TARGET ${TEST})
        libssh2_private_headers(${TEST})
    endif()
endforeach()
if(FUZZ)
    return()
endif()
add_executable(ssh_drive ${TESTS_DIR}/support/ssh/ssh_drive.c)
test_links(ssh_drive ssh)
# The n-th allocation of reading a key or of logging in fails, for every n.
add_executable(sim_ssh_failmalloc ${TESTS_DIR}/support/ssh/ssh_failmalloc.c)
test_links(sim_ssh_failmalloc ssh)
target_include_directories(sim_ssh_failmalloc PRIVATE ${TESTS_DIR}/unit)
target_link_options(sim_ssh_failmalloc PRIVATE -Wl,--wrap=malloc,--wrap=calloc)
add_test(NAME sim_ssh_failmalloc COMMAND sim_ssh_failmalloc)
add_executable(ssh_stdio ${TESTS_DIR}/support/ssh/ssh_stdio.c)
test_links(ssh_stdio ssh)
