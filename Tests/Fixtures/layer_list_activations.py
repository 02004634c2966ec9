from layer_cases import *
cases = Cases()
