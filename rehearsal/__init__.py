"""`rehearse`: a whole conference played against the real server, judged from outside (nothing of models/ is imported).

scene (what is played) -> venue (the real server and commands) -> tablets, paper, clerk, faults (who is there and what
goes wrong) -> book (what was promised, written by us) -> reckoning (is it true) -> report.
"""
