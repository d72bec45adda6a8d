# What the tests of the SFTP client share: a server's side for tests to speak; and sftp_drive, the
# client against a server on its standard input and output, for tests/interop/sftp.test.mjs. --wrap
# counts what the client allocates.
foreach(TEST unit_ssh_ssh_sftp unit_ssh_ssh_sftp_transfer unit_ssh_ssh_sftp_twin
        unit_ssh_ssh_sftp_hostile)
    if(TARGET ${TEST})
        target_sources(${TEST} PRIVATE ${TESTS_DIR}/support/sftp/sftp_script.c)
    endif()
endforeach()
if(FUZZ)
    return()
endif()
add_executable(sftp_drive ${TESTS_DIR}/support/sftp/sftp_drive.c
               ${TESTS_DIR}/support/sftp/sftp_link.c)
test_links(sftp_drive ssh)
target_link_options(sftp_drive PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free)

# Each allocation of the client's fails once.
add_executable(sim_sftp_failmalloc ${TESTS_DIR}/support/sftp/failmalloc.c
               ${TESTS_DIR}/support/sftp/sftp_script.c)
test_links(sim_sftp_failmalloc ssh)
target_link_options(sim_sftp_failmalloc PRIVATE
    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=ssh_sftp_input,--wrap=ssh_sftp_output)
add_test(NAME sim_sftp_failmalloc COMMAND sim_sftp_failmalloc)
