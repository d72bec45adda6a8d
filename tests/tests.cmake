# Native tests. A test links the module it is named after, so one that does not compile yet stops
# only its own tests:
#   tests/unit/<module>/test_*.c      against core_<module>
#   tests/sim/test_<module>_*.c       against core_<module>, else the whole core
#   tests/fuzz/fuzz_<module>_*.c      likewise
# Other .c files beside them are helpers, linked into each test of that directory.
include(CTest)
set(TEST_FLAGS ${WARNINGS} ${HOT_FLAGS} ${INSTRUMENT})

function(test_links TARGET MODULE)
    target_include_directories(${TARGET} PRIVATE ${TESTS_DIR} ${TESTS_DIR}/unit ${WASM_DIR})
    target_compile_definitions(${TARGET} PRIVATE TEST_VECTORS="${TESTS_DIR}/vectors")
    target_compile_options(${TARGET} PRIVATE ${TEST_FLAGS})
    if(MODULE IN_LIST MODULES)
        target_link_libraries(${TARGET} PRIVATE core_${MODULE} ${core_${MODULE}_THIRD})
    else()
        target_link_libraries(${TARGET} PRIVATE core)
    endif()
endfunction()

# The module a file name begins with: wg_rekey > wg; nothing where it begins with none.
function(module_of NAME RESULT)
    string(REGEX MATCH "^[a-z0-9]+" FIRST ${NAME})
    set(${RESULT} "${FIRST}" PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE UNIT_TESTS CONFIGURE_DEPENDS ${TESTS_DIR}/unit/*.c ${TESTS_DIR}/sim/*.c)
if(FUZZ)
    set(UNIT_TESTS) # the harnesses alone
endif()
foreach(SOURCE ${UNIT_TESTS})
    get_filename_component(NAME ${SOURCE} NAME_WE)
    get_filename_component(FOLDER ${SOURCE} DIRECTORY)
    get_filename_component(LAST ${FOLDER} NAME)
    if(NOT NAME MATCHES "^test_")
        continue()
    endif()
    file(GLOB HELPERS CONFIGURE_DEPENDS ${FOLDER}/*.c)
    list(FILTER HELPERS EXCLUDE REGEX "/test_[^/]*\\.c$")
    string(REGEX REPLACE "^test_" "" SHORT ${NAME})
    if(LAST STREQUAL sim)
        module_of(${SHORT} MODULE)
        set(TEST sim_${SHORT})
    else()
        set(MODULE ${LAST})
        set(TEST unit_${LAST}_${SHORT})
    endif()
    add_executable(${TEST} ${SOURCE} ${HELPERS})
    test_links(${TEST} ${MODULE})
    add_test(NAME ${TEST} COMMAND ${TEST} WORKING_DIRECTORY ${TESTS_DIR})
    set_tests_properties(${TEST} PROPERTIES TIMEOUT 300)
endforeach()

file(GLOB FUZZ_HARNESSES CONFIGURE_DEPENDS ${TESTS_DIR}/fuzz/fuzz_*.c)
foreach(SOURCE ${FUZZ_HARNESSES})
    get_filename_component(TEST ${SOURCE} NAME_WE)
    string(REGEX REPLACE "^fuzz_" "" SHORT ${TEST})
    module_of(${SHORT} MODULE)
    if(FUZZ)
        add_executable(${TEST} ${SOURCE})
        target_link_options(${TEST} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${TEST} ${SOURCE} ${TESTS_DIR}/fuzz/replay.c)
        add_test(NAME ${TEST}_corpus COMMAND ${TEST} ${TESTS_DIR}/fuzz/corpus/${SHORT})
        set_tests_properties(${TEST}_corpus PROPERTIES TIMEOUT 300)
    endif()
    test_links(${TEST} ${MODULE})
endforeach()

# A simulation that needs more than one executable registers itself.
file(GLOB SIM_SETUPS CONFIGURE_DEPENDS ${TESTS_DIR}/sim/*.cmake)
foreach(SETUP ${SIM_SETUPS})
    include(${SETUP})
endforeach()
